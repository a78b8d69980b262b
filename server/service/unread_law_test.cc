// Random people write, edit, delete, stream, read, mark as unread, follow, come and go; after every
// step a client that knows nothing but events has the counts that the server has. Seeds are fixed;
// a failure prints its own.
#include "server/service/unread_law.h"

#include <algorithm>

#include "server/base/strings.h"
#include "server/service/chat_fixture.h"

namespace heim {

void UnreadModel::ApplyMessage(const v1::Message& message) {
  auto& known = messages_[message.channel_id()][message.seq()];
  std::set<std::string> before;
  for (const v1::Mention& mention : known.mentions()) before.insert(mention.group_id());
  std::set<std::string> now;
  for (const v1::Mention& mention : message.mentions()) now.insert(mention.group_id());
  std::set<Key>& called = called_[message.id()];
  for (auto it = called.begin(); it != called.end();) {
    it = now.count(it->first) == 0 ? called.erase(it) : std::next(it);
  }
  for (const std::string& group : now) {
    if (group.empty() || before.count(group) != 0) continue;
    for (const std::string& member : groups_[group].member_ids()) {
      if (cursors_.count(Key(message.channel_id(), member)) != 0) called.emplace(group, member);
    }
  }
  known = message;
}

void UnreadModel::ApplyRead(const std::string& actor, const v1::ReadUpdated& read) {
  if (!read.has_thread_id()) {
    cursors_[Key(read.channel_id(), actor)] = read.last_read_seq();
    return;
  }
  Thread& thread = threads_[Key(read.thread_id(), actor)];
  thread.channel_id = read.channel_id();
  thread.last_read_seq = read.last_read_seq();
}

void UnreadModel::ApplyThread(const std::string& actor, const v1::ThreadState& thread) {
  threads_[Key(thread.thread_id(), actor)] = {thread.channel_id(), thread.following(),
                                              thread.last_read_seq()};
}

void UnreadModel::Leave(const std::string& channel, const std::string& actor) {
  cursors_.erase(Key(channel, actor));
  for (auto it = threads_.begin(); it != threads_.end();) {
    const bool gone = it->first.second == actor && it->second.channel_id == channel;
    it = gone ? threads_.erase(it) : std::next(it);
  }
}

void UnreadModel::Forget(const std::string& channel) {
  messages_.erase(channel);
  std::erase_if(cursors_, [&](const auto& one) { return one.first.first == channel; });
  std::erase_if(threads_, [&](const auto& one) { return one.second.channel_id == channel; });
}

void UnreadModel::Apply(const v1::Event& event) {
  switch (event.payload_case()) {
    case v1::Event::kMemberAdded: {
      const v1::Member& member = event.member_added().member();
      const Key key(member.channel_id(), member.actor().id());
      cursors_[key] = event.member_added().channel().last_seq();
      floors_[key] = member.history_from_seq();
      return;
    }
    case v1::Event::kMemberRemoved:
      return Leave(event.member_removed().channel_id(), event.member_removed().actor_id());
    case v1::Event::kChannelDeleted:
      return Forget(event.channel_deleted().channel_id());
    case v1::Event::kMessageNew:
      return ApplyMessage(event.message_new().message());
    case v1::Event::kMessageUpdated:
      return ApplyMessage(event.message_updated().message());
    case v1::Event::kMessageDeleted:
      return ApplyMessage(event.message_deleted().message());
    case v1::Event::kMessageStreamStart:
      return ApplyMessage(event.message_stream_start().message());
    case v1::Event::kReadUpdated:
      return ApplyRead(event.to_actor_id(), event.read_updated());
    case v1::Event::kThreadUpdated:
      return ApplyThread(event.to_actor_id(), event.thread_updated().thread());
    case v1::Event::kGroupCreated:
      groups_[event.group_created().group().id()] = event.group_created().group();
      return;
    case v1::Event::kGroupUpdated:
      groups_[event.group_updated().group().id()] = event.group_updated().group();
      return;
    case v1::Event::kGroupDeleted:
      groups_.erase(event.group_deleted().group_id());
      return;
    default:
      return;
  }
}

bool UnreadModel::Mentions(const v1::Message& message, const std::string& actor) const {
  for (const v1::Mention& mention : message.mentions()) {
    if (mention.type() == v1::MENTION_TYPE_CHANNEL) return true;
    if (mention.type() == v1::MENTION_TYPE_EVERYONE) return true;
    if (mention.actor_id() == actor) return true;
  }
  const auto called = called_.find(message.id());
  if (called == called_.end()) return false;
  return std::any_of(called->second.begin(), called->second.end(),
                     [&](const Key& one) { return one.second == actor; });
}

UnreadModel::Counts UnreadModel::CountIn(const std::string& channel, const std::string& thread,
                                         const std::string& actor, uint64_t cursor) const {
  Counts counts;
  const auto found = messages_.find(channel);
  if (found == messages_.end()) return counts;
  const auto floor = floors_.find(Key(channel, actor));
  const uint64_t from = floor == floors_.end() ? 0 : floor->second;
  for (const auto& [seq, message] : found->second) {
    if (seq < from || seq <= cursor || message.thread_id() != thread) continue;
    if (message.state() == v1::MESSAGE_STATE_STREAMING || message.has_deleted_at()) continue;
    if (message.content_type() == v1::CONTENT_TYPE_SYSTEM) continue;
    if (message.actor().id() == actor) continue;
    ++counts.unread;
    if (Mentions(message, actor)) ++counts.mentions;
  }
  return counts;
}

namespace {

struct Seen {
  bool following = false;
  uint64_t cursor = 0;
  uint32_t unread = 0;
  uint32_t mentions = 0;
  bool operator==(const Seen&) const = default;
};

std::string Text(const Seen& seen) {
  return StrCat(seen.following ? "following, " : "", "read to ", seen.cursor, ", ", seen.unread,
                " unread, ", seen.mentions, " mentions");
}

void Compare(const std::string& what, const Seen& by_events, const Seen& by_rows,
             std::vector<std::string>* found) {
  if (by_events == by_rows) return;
  found->push_back(StrCat(what, ": by events ", Text(by_events), "; by rows ", Text(by_rows)));
}

}  // namespace

std::vector<std::string> UnreadModel::Differences(ReadTx& tx, const WorkspaceId& workspace) const {
  std::vector<std::string> found;
  for (const auto& [key, cursor] : cursors_) {
    const auto& [channel, actor] = key;
    const Counts counts = CountIn(channel, "", actor, cursor);
    const auto row = tx.members.ReadStateOf(ChannelId(channel), ActorId(actor), std::nullopt);
    if (!row.ok()) {
      found.push_back(StrCat("no read state of ", actor, ": ", ToStd(row.status().message())));
      continue;
    }
    Compare(StrCat("channel ", channel, " of ", actor),
            {false, cursor, counts.unread, counts.mentions},
            {false, row->last_read_seq(), row->unread_count(), row->mention_count()}, &found);
  }
  std::map<std::string, size_t> followed;
  for (const auto& [key, thread] : threads_) {
    const auto& [root, actor] = key;
    const Counts counts = CountIn(thread.channel_id, root, actor, thread.last_read_seq);
    const ThreadPlace place{workspace, ChannelId(thread.channel_id), MessageId(root)};
    const auto row = tx.follows.StateOf(place, ActorId(actor));
    if (!row.ok()) {
      found.push_back(StrCat("no thread state of ", actor));
      continue;
    }
    Compare(StrCat("thread ", root, " of ", actor),
            {thread.following, thread.last_read_seq, counts.unread, counts.mentions},
            {row->following(), row->last_read_seq(), row->unread_count(), row->mention_count()},
            &found);
    if (thread.following && row->last_reply_seq() != 0) ++followed[actor];
  }
  for (const auto& [actor, count] : followed) {
    const auto rows =
        tx.follows.ListFollowed(workspace, ActorId(actor), {.before_id = "", .limit = 10'000});
    if (!rows.ok() || rows->size() != count) {
      found.push_back(StrCat(actor, " follows ", count, " threads by events, not as listed"));
    }
  }
  return found;
}

namespace {

class UnreadLawTest : public ChatFixture, public ::testing::WithParamInterface<uint64_t> {
 protected:
  uint64_t Below(uint64_t bound) { return RandomBelow(dice_, bound); }
  const std::string& One(const std::vector<std::string>& of) { return of[Below(of.size())]; }
  const Caller& Somebody() {
    const std::vector<const Caller*> all = {&olga_, &ada_, &ann_, &bob_, &bot_, &gus_};
    return *all[Below(all.size())];
  }
  std::string Words() {
    static const std::vector<std::string> kWords = {"hello",   "@bob",      "@channel", "`@ann`",
                                                    "@nobody", "@everyone", "@ann,",    "@bot",
                                                    "@team",   "@crew"};
    return StrCat(One(kWords), " ", One(kWords));
  }
  void Note(const absl::StatusOr<v1::Message>& message) {
    if (message.ok()) said_.push_back(message->id());
  }

  void Write();
  void Stream();
  void Read();
  void ComeAndGo();
  void Step() {
    const uint64_t what = Below(10);
    if (what < 4) return Write();
    if (what < 5) return Stream();
    if (what < 8) return Read();
    ComeAndGo();
  }

  SeededEntropy dice_{GetParam()};
  std::vector<std::string> places_;
  std::vector<std::string> teams_;
  std::vector<std::string> said_;
  std::vector<std::pair<const Caller*, std::string>> streaming_;
};

void UnreadLawTest::Write() {
  const Caller& who = Somebody();
  const std::string& message = One(said_);
  switch (Below(7)) {
    case 0:
    case 1:
      return Note(Send(who, One(places_), Words()));
    case 2:
    case 3:
    case 4: {
      const auto root = Get(who, message);
      if (root.ok()) Note(Send(who, root->channel_id(), Words(), message));
      return;
    }
    case 5: {
      const auto known = Get(who, message);
      if (!known.ok()) return;
      for (const Caller* author : {&olga_, &ada_, &ann_, &bob_, &bot_, &gus_}) {
        if (author->actor_id.str() == known->actor().id()) (void)Edit(*author, message, Words());
      }
      return;
    }
    default:
      return (void)Delete(olga_, message);
  }
}

void UnreadLawTest::Stream() {
  if (streaming_.empty() || Below(3) == 0) {
    const Caller& who = Somebody();
    const auto stream = StartStream(who, One(places_), Below(2) == 0 ? One(said_) : "");
    if (!stream.ok()) return;
    streaming_.emplace_back(&who, stream->id());
    said_.push_back(stream->message_id());
    return;
  }
  const size_t which = Below(streaming_.size());
  const auto [who, stream] = streaming_[which];
  const uint64_t what = Below(4);
  if (what < 2) return (void)Append(*who, stream, Words());
  if (what == 2) (void)FinishStream(*who, stream);
  if (what == 3) (void)AbortStream(*who, stream);
  streaming_.erase(streaming_.begin() + static_cast<int64_t>(which));
}

void UnreadLawTest::Read() {
  const Caller& who = Somebody();
  const auto message = Get(who, One(said_));
  if (!message.ok()) return;
  v1::MarkReadRequest read;
  read.set_channel_id(message->channel_id());
  read.set_message_id(message->id());
  if (message->has_thread_id()) read.set_thread_id(message->thread_id());
  v1::MarkUnreadRequest unread;
  unread.set_channel_id(message->channel_id());
  if (Below(3) == 0) {
    unread.set_seq(Below(20));  // which may lie before the history of the caller
  } else {
    unread.set_message_id(message->id());
  }
  v1::FollowThreadRequest follow;
  follow.set_message_id(message->id());
  v1::UnfollowThreadRequest unfollow;
  unfollow.set_message_id(message->id());
  v1::MarkThreadsReadRequest threads;
  v1::MarkAllReadRequest all;
  switch (Below(8)) {
    case 0:
    case 1:
      return (void)Call(who, &ReadStateService::MarkRead, reads_, read);
    case 2:
    case 3:
      return (void)Call(who, &ReadStateService::MarkUnread, reads_, unread);
    case 4:
      return (void)Call(who, &ThreadService::FollowThread, threads_, follow);
    case 5:
      return (void)Call(who, &ThreadService::UnfollowThread, threads_, unfollow);
    case 6:
      threads.set_up_to(StrCat("e1.", tape_.events().size() - Below(5)));
      return (void)Call(who, &ThreadService::MarkThreadsRead, threads_, threads);
    default:
      for (const std::string& place : places_) {
        v1::SeenChannel& seen = *all.add_channels();
        seen.set_channel_id(place);
        seen.set_seq(Below(100));
      }
      return (void)Call(who, &ReadStateService::MarkAllRead, reads_, all);
  }
}

void UnreadLawTest::ComeAndGo() {
  const Caller& who = Somebody();
  const std::string& place = One(places_);
  v1::AddGroupMemberRequest add;
  add.set_group_id(One(teams_));
  add.set_actor_id(who.actor_id.str());
  v1::RemoveGroupMemberRequest remove;
  remove.set_group_id(One(teams_));
  remove.set_actor_id(who.actor_id.str());
  switch (Below(6)) {
    case 4:
      return (void)Call(olga_, &GroupService::AddGroupMember, groups_, add);
    case 5:
      return (void)Call(olga_, &GroupService::RemoveGroupMember, groups_, remove);
    case 0:
      return (void)Join(who, place);
    case 1:
      return (void)Leave(who, place);
    case 2:
      return (void)AddMember(olga_, place, who);
    default:
      return (void)RemoveMember(olga_, place, who);
  }
}

TEST_P(UnreadLawTest, EveryStepLeavesTheCountsThatEventsGive) {
  SCOPED_TRACE(StrCat("seed ", GetParam()));
  places_ = {general_, CreateChannel(olga_, "dev")->id(),
             CreateChannel(olga_, "secret", v1::CHANNEL_TYPE_PRIVATE)->id()};
  v1::UpdateChannelRequest since_joining;
  since_joining.set_channel_id(places_[1]);
  since_joining.mutable_channel()->set_history_visibility(v1::HISTORY_VISIBILITY_SINCE_JOINING);
  ASSERT_TRUE(Call(olga_, &ChannelService::UpdateChannel, channels_, since_joining).ok());
  for (const char* handle : {"team", "crew"}) {
    v1::CreateGroupRequest request;
    request.set_handle(handle);
    request.add_member_ids(bob_.actor_id.str());
    teams_.push_back(Call(olga_, &GroupService::CreateGroup, groups_, request)->group().id());
  }
  Note(Send(ann_, general_, "first"));
  UnreadModel model;
  size_t applied = 0;
  for (int step = 0; step < 400; ++step) {
    Step();
    if (Below(4) == 0) clock_.Advance(absl::Milliseconds(Below(100)));
    Settle();
    const std::vector<v1::Event> events = tape_.events();
    for (; applied < events.size(); ++applied) model.Apply(events[applied]);
    std::vector<std::string> differences;
    ChatFixture::Read([&](ReadTx& tx) -> absl::Status {
      differences = model.Differences(tx, workspace_);
      return absl::OkStatus();
    });
    for (const std::string& difference : differences) {
      ADD_FAILURE() << "after step " << step << ", "
                    << (applied == 0 ? "" : events.back().ShortDebugString()) << ": " << difference;
    }
    if (!differences.empty()) return;
  }
  EXPECT_GT(applied, 250u) << "little happened";
}

INSTANTIATE_TEST_SUITE_P(Seeds, UnreadLawTest, ::testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace heim
