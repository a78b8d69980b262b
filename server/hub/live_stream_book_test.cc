// Live streams without the hub: index rules, merging, saving, idle streams. The store is a fake
// that keeps drafts until the test lets them go in or fail.
#include "server/hub/live_stream_book.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "server/bus/local/local_bus.h"
#include "server/hub/hub_limits.h"
#include "server/model/errors.h"

namespace heim {
namespace {

class HoldingStore final : public Store {
 public:
  void Commit(Draft, absl::AnyInvocable<void(absl::StatusOr<Committed>)> done) override {
    held.push_back(std::move(done));
  }
  absl::Status Read(absl::FunctionRef<absl::Status(ReadTx&)>) override {
    return absl::UnavailableError("no reads here");
  }
  void SetCommitListener(CommitListener*) override {}
  void Stop() override {}
  void LetGo(absl::Status status) {
    for (auto& done : std::exchange(held, {})) {
      status.ok() ? done(Committed()) : done(status);
    }
  }
  std::vector<absl::AnyInvocable<void(absl::StatusOr<Committed>)>> held;
};

class Chunks final : public BusHandler {
 public:
  void OnWakeUp(const WorkspaceId&, uint64_t) override {}
  void OnEphemeral(const WorkspaceId&, std::shared_ptr<const v1::Event> event) override {
    seen.push_back(std::move(event));
  }
  std::vector<std::shared_ptr<const v1::Event>> seen;
};

class LiveStreamBookTest : public ::testing::Test {
 protected:
  void SetUp() override {
    bus_.SetHandler(&chunks_);
    v1::Stream stream;
    stream.set_id("s");
    stream.set_message_id("m");
    stream.set_channel_id("c");
    stream.set_actor_id("ann");
    book_.Open(WorkspaceId("w"), stream);
  }
  absl::StatusOr<v1::AppendStreamResponse> Append(const std::string& delta, int index = -1) {
    v1::AppendStreamRequest request;
    request.set_stream_id("s");
    request.set_delta(delta);
    if (index >= 0) request.set_index(static_cast<uint32_t>(index));
    return book_.Append(ActorId("ann"), request);
  }

  ManualClock clock_;
  ManualTimers timers_{clock_};
  HoldingStore store_;
  LocalBus bus_;
  Chunks chunks_;
  LiveStreamBook book_{store_, clock_, timers_, bus_};
};

TEST_F(LiveStreamBookTest, AppendsFollowTheirIndex) {
  EXPECT_EQ(Append("a", 0)->next_index(), 1u);
  EXPECT_EQ(Append("a", 0)->next_index(), 1u) << "a repeat is acknowledged and ignored";
  EXPECT_EQ(Append("b")->next_index(), 2u) << "without an index the server numbers it";
  EXPECT_EQ(Append("")->next_index(), 2u) << "an empty append takes no index";
  const absl::Status gap = Append("d", 3).status();
  EXPECT_EQ(ReasonOf(gap), v1::ERROR_REASON_STREAM_INDEX_GAP);
  EXPECT_EQ(ToError(gap, "").details().fields().at("next_index").number_value(), 2);
  EXPECT_EQ(book_.Snapshot(StreamId("s"))->content(), "ab");
}

TEST_F(LiveStreamBookTest, OnlyTheAuthorAppends) {
  v1::AppendStreamRequest request;
  request.set_stream_id("s");
  request.set_delta("x");
  EXPECT_EQ(ReasonOf(book_.Append(ActorId("bob"), request).status()),
            v1::ERROR_REASON_STREAM_NOT_FOUND);
}

TEST_F(LiveStreamBookTest, ChunksMergeForAWhileAndASnapshotCutsThem) {
  ASSERT_TRUE(Append("a").ok());
  ASSERT_TRUE(Append("b").ok());
  EXPECT_TRUE(chunks_.seen.empty());
  clock_.Advance(kChunkMergeFor);
  ASSERT_EQ(chunks_.seen.size(), 1u);
  EXPECT_EQ(chunks_.seen[0]->message_stream_chunk().delta(), "ab");
  EXPECT_EQ(chunks_.seen[0]->message_stream_chunk().next_index(), 2u);

  ASSERT_TRUE(Append("c").ok());
  EXPECT_EQ(book_.Snapshot(StreamId("s"))->next_index(), 3u);
  ASSERT_TRUE(Append("d").ok());
  clock_.Advance(kChunkMergeFor);
  ASSERT_EQ(chunks_.seen.size(), 3u);
  EXPECT_EQ(chunks_.seen[2]->message_stream_chunk().index(), 3u);
}

TEST_F(LiveStreamBookTest, TextIsSavedEachSecondOrFourKibibytesAndAgainAfterAFailure) {
  ASSERT_TRUE(Append("a").ok());
  EXPECT_TRUE(store_.held.empty());
  clock_.Advance(kStreamPersistEvery);
  ASSERT_EQ(store_.held.size(), 1u);
  store_.LetGo(absl::UnavailableError("disk"));
  EXPECT_EQ(Append("b")->durable_index(), 0u);
  clock_.Advance(kStreamPersistEvery);
  ASSERT_EQ(store_.held.size(), 1u);
  store_.LetGo(absl::OkStatus());
  EXPECT_EQ(Append("")->durable_index(), 2u);

  ASSERT_TRUE(Append(std::string(kStreamPersistBytes, 'x')).ok());
  EXPECT_EQ(store_.held.size(), 1u) << "at once";
  ASSERT_TRUE(Append(std::string(kStreamPersistBytes, 'x')).ok());
  EXPECT_EQ(store_.held.size(), 1u) << "one at a time";
  store_.LetGo(absl::OkStatus());
  EXPECT_EQ(store_.held.size(), 1u) << "what came meanwhile";
  store_.LetGo(absl::OkStatus());
  EXPECT_EQ(Append("")->durable_index(), 4u);
}

TEST_F(LiveStreamBookTest, OneCallerClosesAndReopenUndoesIt) {
  ASSERT_TRUE(Append("text").ok());
  const auto closed = book_.Close(StreamId("s"), v1::STREAM_STATE_ABORTED);
  ASSERT_TRUE(closed.ok());
  EXPECT_EQ(closed->content(), "text");
  ASSERT_EQ(chunks_.seen.size(), 1u) << "the last chunk goes out before the end";
  EXPECT_EQ(ReasonOf(book_.Close(StreamId("s"), v1::STREAM_STATE_FINISHED).status()),
            v1::ERROR_REASON_STREAM_STOPPED);
  EXPECT_EQ(ReasonOf(Append("x").status()), v1::ERROR_REASON_STREAM_STOPPED);
  EXPECT_FALSE(book_.Snapshot(StreamId("s")).has_value());
  book_.Reopen(StreamId("s"));
  EXPECT_TRUE(Append("x").ok());
  ASSERT_TRUE(book_.Close(StreamId("s"), v1::STREAM_STATE_FINISHED).ok());
  EXPECT_EQ(ReasonOf(Append("x").status()), v1::ERROR_REASON_STREAM_FINISHED);
  book_.Forget(StreamId("s"));
  EXPECT_EQ(ReasonOf(Append("x").status()), v1::ERROR_REASON_STREAM_NOT_FOUND);
}

TEST_F(LiveStreamBookTest, AToolsInputBecomesAValueAtTheEnd) {
  v1::AppendStreamRequest request;
  request.set_stream_id("s");
  request.add_deltas()->set_tool_input("{\"city\":");
  ASSERT_TRUE(book_.Append(ActorId("ann"), request).ok());
  request.mutable_deltas(0)->set_tool_input("\"Bern\"}");
  ASSERT_TRUE(book_.Append(ActorId("ann"), request).ok());
  const auto closed = book_.Close(StreamId("s"), v1::STREAM_STATE_FINISHED);
  ASSERT_TRUE(closed.ok());
  EXPECT_EQ(closed->parts(0).tool_call().input().struct_value().fields().at("city").string_value(),
            "Bern");
}

TEST_F(LiveStreamBookTest, SilenceCallsOnIdleUntilTheStreamIsForgotten) {
  std::vector<std::string> idle;
  book_.SetOnIdle([&](StreamId id) { idle.push_back(id.str()); });
  clock_.Advance(kStreamIdleDefault - absl::Seconds(1));
  ASSERT_TRUE(Append("").ok()) << "a sign of life";
  clock_.Advance(absl::Seconds(2));
  EXPECT_TRUE(idle.empty());
  clock_.Advance(kStreamIdleDefault);
  EXPECT_EQ(idle.size(), 1u);
  clock_.Advance(kStreamIdleDefault);
  EXPECT_EQ(idle.size(), 2u) << "asked again, as nobody ended it";
  book_.Forget(StreamId("s"));
  clock_.Advance(2 * kStreamIdleDefault);
  EXPECT_EQ(idle.size(), 2u);
}

TEST_F(LiveStreamBookTest, ActiveStreamsAreFoundByWorkspaceAuthorAndChannel) {
  EXPECT_EQ(book_.ActiveIn(WorkspaceId("w")).size(), 1u);
  EXPECT_TRUE(book_.ActiveIn(WorkspaceId("v")).empty());
  EXPECT_EQ(book_.ActiveBy(ActorId("ann")).size(), 1u);
  EXPECT_EQ(book_.ActiveInChannel(ChannelId("c")).size(), 1u);
  ASSERT_TRUE(book_.Close(StreamId("s"), v1::STREAM_STATE_ABORTED).ok());
  EXPECT_TRUE(book_.ActiveBy(ActorId("ann")).empty());
}

}  // namespace
}  // namespace heim
