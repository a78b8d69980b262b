// The hub over a real store: order, resume, gaps, slow readers, removal, ends. Each test drives the
// hub through commits and reads what its readers get; nothing waits for a time, only for frames.
#include "server/hub/fan_out_hub.h"

#include <algorithm>
#include <string>
#include <vector>

#include "server/hub/hub_fixture.h"
#include "server/hub/hub_limits.h"

namespace heim {
namespace {

using HubTest = HubFixture;

v1::SubscribeRequest From(const std::string& cursor) {
  v1::SubscribeRequest request;
  request.set_cursor(cursor);
  return request;
}

std::vector<uint64_t> Range(uint64_t first, uint64_t last) {
  std::vector<uint64_t> positions;
  for (uint64_t p = first; p <= last; ++p) positions.push_back(p);
  return positions;
}

TEST_F(HubTest, HelloThenCaughtUpThenLiveEventsInOrder) {
  const ChannelId room = AddChannel("room", v1::CHANNEL_TYPE_PUBLIC, {ann_, bob_});
  auto reader = Listen(bob_);
  ASSERT_EQ(reader->frames.front()->control().hello().resumed(), false);
  EXPECT_EQ(reader->frames.front()->control().hello().heartbeat_ms(), 15000u);
  EXPECT_EQ(reader->frames.front()->cursor(), CursorAt(3));
  EXPECT_EQ(reader->frames.back()->cursor(), CursorAt(3));

  uint64_t last = 0;
  for (int i = 0; i < 100; ++i) last = Post(room, ann_, "hello");
  ASSERT_TRUE(reader->ReadToPosition(last));
  EXPECT_EQ(reader->Positions(), Range(4, last));
  ASSERT_TRUE(reader->ReadUntil([&] { return reader->last_cursor() == CursorAt(last); }));
}

TEST_F(HubTest, ResumeByCursorHearsEveryEventOnce) {
  const ChannelId room = AddChannel("room", v1::CHANNEL_TYPE_PUBLIC, {ann_, bob_});
  std::vector<uint64_t> heard;
  std::string cursor = CursorAt(3);
  uint64_t last = 0;
  for (int round = 0; round < 12; ++round) {
    auto reader = std::make_unique<TestReader>(MustSubscribe(bob_, From(cursor)));
    const uint64_t some = RandomBelow(entropy_, 30);
    for (uint64_t i = 0; i < 25; ++i) last = Post(room, ann_, "text");
    ASSERT_TRUE(reader->ReadToControl(v1::Control::kHello));
    ASSERT_TRUE(reader->ReadUntil(
        [&] { return reader->Positions().size() >= some || reader->reached() >= last; }));
    for (const uint64_t position : reader->Positions()) heard.push_back(position);
    ASSERT_TRUE(reader->frames.front()->control().hello().resumed());
    cursor = reader->last_cursor();
  }
  auto reader = Listen(bob_, From(cursor));
  for (const uint64_t position : reader->Positions()) heard.push_back(position);
  EXPECT_EQ(heard, Range(4, last));
}

TEST_F(HubTest, ASlowReaderCatchesUpAndLosesNothing) {
  const ChannelId room = AddChannel("room", v1::CHANNEL_TYPE_PUBLIC, {ann_, bob_});
  auto slow = Listen(bob_);
  auto quick = Listen(ann_);
  uint64_t last = 0;
  const std::string text(2000, 'x');
  for (size_t i = 0; i < kOutboxMaxFrames * 2; ++i) {
    last = Post(room, ann_, text);
    quick->Pull();
  }
  ASSERT_TRUE(quick->ReadToPosition(last));
  EXPECT_EQ(quick->Positions(), Range(4, last));
  // Nothing was pulled meanwhile, so its outbox was thrown away.
  ASSERT_TRUE(slow->ReadToPosition(last));
  EXPECT_EQ(slow->Positions(), Range(4, last));
  // And it is live again.
  last = Post(room, ann_, "more");
  ASSERT_TRUE(slow->ReadToPosition(last));
  EXPECT_EQ(slow->Positions(), Range(4, last));
  EXPECT_EQ(slow->Controls(v1::Control::kReset), 0u);
}

TEST_F(HubTest, AGapIsFilledFromTheLog) {
  const ChannelId room = AddChannel("room", v1::CHANNEL_TYPE_PUBLIC, {ann_, bob_});
  auto reader = Listen(bob_);
  Post(room, ann_, "heard");
  listener_.losing = true;
  for (int i = 0; i < 10; ++i) Post(room, ann_, "lost on the way");
  listener_.losing = false;
  const uint64_t last = Post(room, ann_, "heard");
  ASSERT_TRUE(reader->ReadToPosition(last));
  EXPECT_EQ(reader->Positions(), Range(4, last));
}

TEST_F(HubTest, AWakeUpOfAnotherNodeMakesTheHubReadTheLog) {
  const ChannelId room = AddChannel("room", v1::CHANNEL_TYPE_PUBLIC, {ann_, bob_});
  auto reader = Listen(bob_);
  listener_.losing = true;
  uint64_t last = 0;
  for (size_t i = 0; i < kGapPageEvents + 5; ++i) last = Post(room, ann_, "elsewhere");
  bus_.PublishWakeUp(workspace_, last);
  ASSERT_TRUE(reader->ReadToPosition(last));
  EXPECT_EQ(reader->Positions(), Range(4, last));
}

TEST_F(HubTest, RemovalSilencesAtOnceAndReturningHearsAgain) {
  const ChannelId secret = AddChannel("secret", v1::CHANNEL_TYPE_PRIVATE, {ann_, bob_});
  auto reader = Listen(bob_);
  const uint64_t heard = Post(secret, ann_, "1");
  const uint64_t removed = RemoveMember(secret, bob_);
  Post(secret, ann_, "not for bob");
  const uint64_t back = AddMember(secret, bob_);
  const uint64_t last = Post(secret, ann_, "2");
  ASSERT_TRUE(reader->ReadToPosition(last));
  EXPECT_EQ(reader->Positions(), (std::vector<uint64_t>{heard, removed, back, last}));

  auto replayed = Listen(bob_, From(CursorAt(0)));
  EXPECT_EQ(replayed->Positions(), (std::vector<uint64_t>{3, heard, removed, back, last}));
}

TEST_F(HubTest, ReplayLeavesOutLostChannelsButSaysThatTheyWereLost) {
  const ChannelId secret = AddChannel("secret", v1::CHANNEL_TYPE_PRIVATE, {ann_, bob_});
  Post(secret, ann_, "once readable");
  const uint64_t removed = RemoveMember(secret, bob_);
  auto reader = Listen(bob_, From(CursorAt(0)));
  EXPECT_EQ(reader->Positions(), std::vector<uint64_t>{removed});
}

TEST_F(HubTest, CursorsThatCannotBeUsedAreAnsweredInBandAndTheStreamGoesOn) {
  const ChannelId room = AddChannel("room", v1::CHANNEL_TYPE_PUBLIC, {ann_, bob_});
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"nonsense", "invalid_cursor"},
      {"other.3", "epoch_changed"},
      {CursorAt(1000), "cursor_in_future"},
  };
  for (const auto& [cursor, reason] : cases) {
    auto reader = Listen(bob_, From(cursor));
    ASSERT_EQ(reader->Controls(v1::Control::kReset), 1u) << cursor;
    EXPECT_EQ(reader->Last(v1::Control::kReset)->reset().reason(), reason);
    EXPECT_FALSE(reader->frames.front()->control().hello().resumed());
    const uint64_t last = Post(room, ann_, "live");
    ASSERT_TRUE(reader->ReadToPosition(last));
    EXPECT_EQ(reader->Positions(), std::vector<uint64_t>{last});
  }
}

TEST_F(HubTest, AGuestHearsItsChannelsAndOfTheWorkspaceOnlyWhomItKnows) {
  const ChannelId room = AddChannel("room", v1::CHANNEL_TYPE_PUBLIC, {ann_, gus_});
  AddChannel("other", v1::CHANNEL_TYPE_PUBLIC, {ann_});
  auto guest = Listen(gus_);
  auto member = Listen(bob_);
  AddChannel("third", v1::CHANNEL_TYPE_PUBLIC, {ann_});
  v1::Event renamed;
  renamed.mutable_actor_updated()->mutable_actor()->set_id(bob_.str());
  SendEvent(renamed);
  renamed.mutable_actor_updated()->mutable_actor()->set_id(ann_.str());
  const uint64_t known = SendEvent(renamed);
  renamed.mutable_actor_updated()->mutable_actor()->set_id(gus_.str());
  const uint64_t own = SendEvent(renamed);
  const uint64_t last = Post(room, ann_, "hello");
  const uint64_t for_all = SendEvent(renamed);
  ASSERT_TRUE(guest->ReadToPosition(for_all));
  EXPECT_EQ(guest->Positions(), (std::vector<uint64_t>{known, own, last, for_all}));
  ASSERT_TRUE(member->ReadToPosition(for_all));
  EXPECT_EQ(member->Events(v1::Event::kChannelCreated).size(), 1u);
  EXPECT_EQ(member->Events(v1::Event::kActorUpdated).size(), 4u);
  EXPECT_TRUE(member->Events(v1::Event::kMessageNew).empty());
}

TEST_F(HubTest, ASessionChoosesChannelsAndMayRewind) {
  const ChannelId one = AddChannel("one", v1::CHANNEL_TYPE_PUBLIC, {ann_, bob_});
  const ChannelId two = AddChannel("two", v1::CHANNEL_TYPE_PUBLIC, {ann_, bob_});
  const ChannelId open = AddChannel("open", v1::CHANNEL_TYPE_PUBLIC, {ann_});
  std::shared_ptr<Subscription> session = MustSubscribe(bob_);
  TestReader reader(session);
  ASSERT_TRUE(reader.ReadToControl(v1::Control::kCaughtUp));

  v1::SubscribeRequest choose;
  choose.add_channel_ids(one.str());
  choose.add_channel_ids(open.str());
  ASSERT_TRUE(session->Subscribe(choose).ok());
  Post(two, ann_, "not chosen");
  const uint64_t followed = Post(open, ann_, "followed");
  const uint64_t last = Post(one, ann_, "chosen");
  ASSERT_TRUE(reader.ReadUntil([&] {
    const auto positions = reader.Positions();
    return std::count(positions.begin(), positions.end(), last) > 0;
  }));
  const std::vector<uint64_t> heard = reader.Positions();
  EXPECT_EQ(std::count(heard.begin(), heard.end(), followed), 1);

  reader.frames.clear();
  ASSERT_TRUE(session->Subscribe(From(CursorAt(followed - 1))).ok());
  ASSERT_TRUE(reader.ReadToControl(v1::Control::kCaughtUp));
  EXPECT_EQ(reader.Positions(), (std::vector<uint64_t>{followed, last}));

  session->Unsubscribe({});
  reader.frames.clear();
  Post(one, ann_, "unheard, at the latest when the next subscribe has replayed nothing");
  v1::SubscribeRequest again;
  again.add_channel_ids(two.str());
  again.set_cursor(CursorAt(last));
  ASSERT_TRUE(session->Subscribe(again).ok());
  ASSERT_TRUE(reader.ReadToControl(v1::Control::kCaughtUp));
  const uint64_t end = Post(two, ann_, "heard");
  ASSERT_TRUE(reader.ReadToPosition(end));
  EXPECT_EQ(reader.Positions().back(), end);
}

TEST_F(HubTest, ARevokedCredentialEndsItsStreamsAloneWithGoodbye) {
  auto bob = Listen(bob_);
  auto ann = Listen(ann_);
  hub_->EndCredential("key of " + bob_.str(), "credential_revoked");
  ASSERT_TRUE(bob->ReadToEnd());
  ASSERT_NE(bob->Last(v1::Control::kGoodbye), nullptr);
  EXPECT_EQ(bob->Last(v1::Control::kGoodbye)->goodbye().reason(), "credential_revoked");
  EXPECT_FALSE(bob->Last(v1::Control::kGoodbye)->goodbye().has_reconnect_after_ms());
  EXPECT_EQ(bob->source->status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(hub_->subscription_count(), 1u);
  hub_->EndActor(ann_, "actor_deactivated");
  ASSERT_TRUE(ann->ReadToEnd());
}

TEST_F(HubTest, DrainingSaysWhenToComeBackAndEndsNewcomersToo) {
  auto bob = Listen(bob_);
  hub_->Drain();
  ASSERT_TRUE(bob->ReadToEnd());
  EXPECT_EQ(bob->Last(v1::Control::kGoodbye)->goodbye().reason(), "draining");
  EXPECT_TRUE(bob->Last(v1::Control::kGoodbye)->goodbye().has_reconnect_after_ms());
  EXPECT_TRUE(bob->source->status().ok());
  TestReader late(MustSubscribe(ann_));
  EXPECT_TRUE(late.ReadToEnd());
}

TEST_F(HubTest, LeavingTheWorkspaceEndsTheStream) {
  auto bob = Listen(bob_);
  const uint64_t position = MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.workspaces.RemoveMember(workspace_, bob_));
    v1::Event event;
    event.mutable_workspace_member_removed()->set_actor_id(bob_.str());
    return tx.Emit(workspace_, event).status();
  });
  ASSERT_TRUE(bob->ReadToEnd());
  EXPECT_EQ(bob->Positions(), std::vector<uint64_t>{position});
  EXPECT_EQ(bob->Last(v1::Control::kGoodbye)->goodbye().reason(), "lost_access");
  SubscribeOptions options;
  options.caller = CallerOf(bob_);
  TestReader again(*hub_->Subscribe(options));
  EXPECT_TRUE(again.ReadToEnd());
}

TEST_F(HubTest, SilenceIsBrokenByAHeartbeatWithTheCursor) {
  const ChannelId room = AddChannel("room", v1::CHANNEL_TYPE_PRIVATE, {ann_});
  auto bob = Listen(bob_);
  // Bob hears nothing of this, and the heartbeat spares him reading past it later.
  const uint64_t last = Post(room, ann_, "not for bob");
  auto ann = Listen(ann_, From(CursorAt(last - 1)));
  clock_.Advance(kHeartbeatAfter + kTickInterval);
  ASSERT_TRUE(bob->ReadToControl(v1::Control::kHeartbeat));
  EXPECT_EQ(bob->last_cursor(), CursorAt(last));
}

TEST_F(HubTest, AReaderThatIsStuckWithAFullOutboxIsLetGo) {
  const ChannelId room = AddChannel("room", v1::CHANNEL_TYPE_PUBLIC, {ann_, bob_});
  auto stuck = Listen(bob_);
  auto quick = Listen(ann_);
  // Took one frame, and never comes back for the others.
  Post(room, ann_, "text");
  Post(room, ann_, "text");
  ASSERT_TRUE(stuck->ReadUntil([&] { return stuck->Positions().size() > 0; }));
  std::vector<FramePtr> one;
  uint64_t last = Post(room, ann_, "text");
  ASSERT_TRUE(quick->ReadToPosition(last));
  stuck->source->Pull(1, &one);
  for (size_t i = 0; i <= kOutboxMaxFrames + 1; ++i) last = Post(room, ann_, "text");
  ASSERT_TRUE(quick->ReadToPosition(last));
  ASSERT_EQ(hub_->subscription_count(), 2u);
  clock_.Advance(kWriteBlockedMax + kTickInterval);
  // What comes after the tick shows that the tick is over.
  ASSERT_TRUE(quick->ReadToControl(v1::Control::kHeartbeat));
  ASSERT_TRUE(quick->ReadToPosition(Post(room, ann_, "text")));
  EXPECT_EQ(hub_->subscription_count(), 1u);
  ASSERT_TRUE(stuck->ReadToEnd());
  EXPECT_FALSE(stuck->source->status().ok());
}

TEST_F(HubTest, TypingReachesOthersOncePerSecondAndNeverItsAuthor) {
  const ChannelId room = AddChannel("room", v1::CHANNEL_TYPE_PUBLIC, {ann_, bob_});
  auto bob = Listen(bob_);
  auto ann = Listen(ann_);
  v1::Event typing;
  typing.set_channel_id(room.str());
  typing.set_actor_id(ann_.str());
  typing.mutable_typing()->set_channel_id(room.str());
  for (int i = 0; i < 5; ++i) hub_->PublishEphemeral(workspace_, typing);
  clock_.Advance(kTypingInterval);
  hub_->PublishEphemeral(workspace_, typing);
  const uint64_t last = Post(room, ann_, "done");
  ASSERT_TRUE(bob->ReadToPosition(last));
  ASSERT_TRUE(ann->ReadToPosition(last));
  EXPECT_LE(bob->Events(v1::Event::kTyping).size(), 2u);
  EXPECT_GE(bob->Events(v1::Event::kTyping).size(), 1u);
  EXPECT_TRUE(ann->Events(v1::Event::kTyping).empty());
}

TEST_F(HubTest, PresenceFollowsConnectionsAndIsWatched) {
  SubscribeOptions options;
  options.caller = CallerOf(ann_);
  options.only_presence = true;
  TestReader watcher(*hub_->Subscribe(options));
  ASSERT_TRUE(watcher.ReadToControl(v1::Control::kCaughtUp));
  auto bob = Listen(bob_);
  ASSERT_TRUE(
      watcher.ReadUntil([&] { return !watcher.Events(v1::Event::kPresenceChanged).empty(); }));
  EXPECT_EQ(watcher.Events(v1::Event::kPresenceChanged)[0]->presence_changed().actor_id(),
            bob_.str());
  EXPECT_TRUE(watcher.last_cursor().empty());
  EXPECT_EQ(presence_->Get(bob_, std::nullopt).presence(), v1::PRESENCE_ONLINE);
}

TEST_F(HubTest, RandomWorldsReplayWhatWasHeardLive) {
  for (int round = 0; round < 5; ++round) {
    std::vector<ChannelId> rooms;
    for (int i = 0; i < 4; ++i) {
      const auto type = i % 2 == 0 ? v1::CHANNEL_TYPE_PUBLIC : v1::CHANNEL_TYPE_PRIVATE;
      rooms.push_back(AddChannel("r" + std::to_string(round) + std::to_string(i), type, {ann_}));
    }
    auto live = Listen(bob_);
    const std::string cursor = live->last_cursor();
    std::vector<bool> in(rooms.size(), false);
    uint64_t last = 0;
    for (int step = 0; step < 150; ++step) {
      const size_t i = RandomBelow(entropy_, rooms.size());
      switch (RandomBelow(entropy_, 5)) {
        case 0:
          if (!in[i]) {
            last = AddMember(rooms[i], bob_);
            in[i] = true;
          }
          break;
        case 1:
          if (in[i]) {
            last = RemoveMember(rooms[i], bob_);
            in[i] = false;
          }
          break;
        default:
          last = Post(rooms[i], ann_, "text");
      }
    }
    v1::Event all;
    all.mutable_actor_updated()->mutable_actor()->set_id(ann_.str());
    last = SendEvent(all);
    ASSERT_TRUE(live->ReadToPosition(last));

    std::vector<uint64_t> expected;
    for (const FramePtr& frame : live->frames) {
      if (frame->position() == 0 || frame->kind() != Frame::Kind::kEvent) continue;
      const v1::Event& event = frame->event();
      const auto at = std::find(rooms.begin(), rooms.end(), ChannelId(event.channel_id()));
      const size_t i = static_cast<size_t>(at - rooms.begin());
      // Private rooms that were lost are left out but for the loss itself.
      if (i < rooms.size() && i % 2 == 1 && !in[i] && !event.has_member_removed()) continue;
      expected.push_back(frame->position());
    }
    auto replayed = Listen(bob_, From(cursor));
    EXPECT_EQ(replayed->Positions(), expected);
  }
}

}  // namespace
}  // namespace heim
