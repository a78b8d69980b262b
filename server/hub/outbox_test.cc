// The outbox of a reader: its bounds, what is thrown away, and when a reader is woken.
#include "server/hub/outbox.h"

#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace heim {
namespace {

FramePtr Durable(uint64_t position) {
  v1::Event event;
  event.set_position(position);
  event.set_channel_id("channel");
  return MakeEventFrame(event, "e." + std::to_string(position));
}

FramePtr Sign() {
  v1::Control control;
  control.mutable_heartbeat();
  return MakeControlFrame(control, "");
}

class OutboxTest : public ::testing::Test {
 protected:
  FrameSource::State Pull(size_t max_bytes = 1u << 20) { return outbox_.Pull(max_bytes, &pulled_); }

  ManualClock clock_;
  int drained_ = 0;
  int woken_ = 0;
  Outbox outbox_{clock_, {8, 1u << 20}, [this] { ++drained_; }};
  std::vector<FramePtr> pulled_;
};

TEST_F(OutboxTest, DurableFramesAreTakenWholeOrNotAtAll) {
  const std::vector<FramePtr> five = {Durable(1), Durable(2), Durable(3), Durable(4), Durable(5)};
  EXPECT_TRUE(outbox_.PushDurable(five));
  EXPECT_FALSE(outbox_.PushDurable(five));
  EXPECT_FALSE(outbox_.PushEphemeral(Sign())) << "ephemeral frames go first";
  EXPECT_EQ(Pull(), FrameSource::State::kIdle);
  EXPECT_EQ(pulled_.size(), 5u);
}

TEST_F(OutboxTest, PullKeepsToItsSizeButTakesAtLeastOne) {
  outbox_.PushAnyway(Durable(1), Outbox::Item::kDurable);
  outbox_.PushAnyway(Durable(2), Outbox::Item::kDurable);
  EXPECT_EQ(Pull(1), FrameSource::State::kMore);
  EXPECT_EQ(pulled_.size(), 1u);
  EXPECT_EQ(Pull(1), FrameSource::State::kIdle);
}

TEST_F(OutboxTest, ThrowingAwayKeepsWhatMustBeSaidAndTellsWhereToGoOn) {
  outbox_.PushAnyway(Sign(), Outbox::Item::kSticky);
  outbox_.PushAnyway(Durable(7), Outbox::Item::kDurable);
  outbox_.PushAnyway(Sign(), Outbox::Item::kCaughtUp);
  const Outbox::Thrown thrown = outbox_.ThrowAway();
  EXPECT_EQ(thrown.first, 7u);
  EXPECT_TRUE(thrown.caught_up);
  Pull();
  EXPECT_EQ(pulled_.size(), 1u);
}

TEST_F(OutboxTest, ACursorTakesThePlaceOfTheOneBefore) {
  outbox_.PushCursor(MakeCursorFrame("e.1"));
  outbox_.PushCursor(MakeCursorFrame("e.2"));
  Pull();
  ASSERT_EQ(pulled_.size(), 1u);
  EXPECT_EQ(pulled_[0]->cursor(), "e.2");
}

TEST_F(OutboxTest, AReaderIsWokenOnlyWhenItWaits) {
  outbox_.SetReady([this] { ++woken_; });
  outbox_.PushAnyway(Sign(), Outbox::Item::kSign);
  outbox_.Wake();
  EXPECT_EQ(woken_, 0) << "it has not pulled yet";
  Pull();
  outbox_.Wake();
  EXPECT_EQ(woken_, 0) << "there is nothing";
  outbox_.PushAnyway(Sign(), Outbox::Item::kSign);
  outbox_.Wake();
  outbox_.Wake();
  EXPECT_EQ(woken_, 1);
}

TEST_F(OutboxTest, ClosingDeliversTheRestThenEnds) {
  outbox_.SetReady([this] { ++woken_; });
  outbox_.PushAnyway(Durable(1), Outbox::Item::kDurable);
  outbox_.Close(Sign(), absl::UnavailableError("gone"));
  EXPECT_EQ(woken_, 1);
  outbox_.PushAnyway(Durable(2), Outbox::Item::kDurable);
  EXPECT_EQ(Pull(), FrameSource::State::kEnded);
  EXPECT_EQ(pulled_.size(), 2u);
  EXPECT_EQ(outbox_.status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(OutboxTest, DrainedIsToldOnceRoomWasAskedFor) {
  for (uint64_t p = 1; p <= 6; ++p) outbox_.PushAnyway(Durable(p), Outbox::Item::kDurable);
  EXPECT_FALSE(outbox_.RoomOrArm());
  Pull(1);
  EXPECT_EQ(drained_, 0);
  Pull(1);
  EXPECT_EQ(drained_, 1);
  Pull();
  EXPECT_EQ(drained_, 1);
  EXPECT_TRUE(outbox_.RoomOrArm());
}

TEST_F(OutboxTest, NoCallOfOnReadyBeginsAfterCancelReturned) {
  absl::Notification inside, go_on;
  outbox_.SetReady([&] {
    ++woken_;
    inside.Notify();
    go_on.WaitForNotification();
  });
  Pull();
  outbox_.PushAnyway(Sign(), Outbox::Item::kSign);
  std::thread waker([this] { outbox_.Wake(); });
  inside.WaitForNotification();
  absl::Notification cancelled;
  std::thread canceller([&] {
    outbox_.Cancel();
    cancelled.Notify();
  });
  EXPECT_FALSE(cancelled.HasBeenNotified());
  go_on.Notify();
  waker.join();
  canceller.join();
  outbox_.PushAnyway(Sign(), Outbox::Item::kSign);
  outbox_.Wake();
  EXPECT_EQ(woken_, 1);
}

TEST_F(OutboxTest, StuckIsWhoLeavesAFullOutboxAlone) {
  for (uint64_t p = 1; p <= 6; ++p) outbox_.PushAnyway(Durable(p), Outbox::Item::kDurable);
  clock_.Advance(absl::Seconds(31));
  EXPECT_EQ(outbox_.StuckFor(), absl::Seconds(31));
  Pull();
  clock_.Advance(absl::Seconds(31));
  EXPECT_EQ(outbox_.StuckFor(), absl::ZeroDuration());
  outbox_.SetReady([] {});
  outbox_.PushAnyway(Durable(7), Outbox::Item::kDurable);
  outbox_.Wake();
  EXPECT_EQ(outbox_.StuckFor(), absl::ZeroDuration()) << "it was idle for long, and woken just now";
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(outbox_.StuckFor(), absl::Seconds(5));
}

}  // namespace
}  // namespace heim
