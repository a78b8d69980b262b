// Random people do random things; then the log, applied to nothing, must give what reads return:
// as it is stored (with the scrubs of deletions) and as it was announced live. Seeds are fixed; a
// failure prints its own.
#include "server/service/state_law.h"

#include <algorithm>

#include "google/protobuf/util/message_differencer.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/time.h"
#include "server/service/chat_fixture.h"
#include "server/service/draft_service.h"
#include "server/service/scheduled_message_service.h"

namespace heim {

void LogModel::ApplyChannel(const v1::Channel& channel) { channels_[channel.id()] = channel; }

void LogModel::SetReactions(const std::string& id) {
  v1::Message& message = messages_[id];
  message.clear_reactions();
  for (const auto& [emoji, actor] : reactions_[id]) {
    v1::ReactionGroup* group = nullptr;
    for (v1::ReactionGroup& existing : *message.mutable_reactions()) {
      if (existing.emoji() == emoji) group = &existing;
    }
    if (group == nullptr) {
      group = message.add_reactions();
      group->set_emoji(emoji);
    }
    group->set_count(group->count() + 1);
    if (group->count() <= 50) group->add_actor_ids(actor);
  }
}

void LogModel::ApplyMessage(const v1::Message& message) {
  if (message.has_deleted_at()) reactions_.erase(message.id());
  messages_[message.id()] = message;
  SetReactions(message.id());
  v1::Channel& channel = channels_[message.channel_id()];
  channel.set_last_seq(std::max(channel.last_seq(), message.seq()));
}

void LogModel::ApplyReaction(const std::string& message, const std::string& emoji,
                             const std::string& actor, uint32_t count, bool added) {
  std::vector<Key>& all = reactions_[message];
  const Key key(emoji, actor);
  const auto it = std::find(all.begin(), all.end(), key);
  // A message that was deleted since stands as a tombstone in the log that is read now.
  const bool gone = messages_[message].has_deleted_at();
  if ((it == all.end()) != added && !gone) {
    faults_.push_back("a reaction came twice or went twice");
  }
  if (added) {
    all.push_back(key);
  } else if (it != all.end()) {
    all.erase(it);
  }
  const auto same =
      std::count_if(all.begin(), all.end(), [&](const Key& other) { return other.first == emoji; });
  if (!gone && same != static_cast<int64_t>(count)) {
    faults_.push_back(StrCat("the count of a reaction is ", count, ", not ", same));
  }
  SetReactions(message);
}

void LogModel::ForgetChannel(const std::string& id) {
  channels_.erase(id);
  std::erase_if(members_, [&](const auto& member) { return member.first.first == id; });
  std::erase_if(messages_, [&](const auto& message) {
    if (message.second.channel_id() != id) return false;
    reactions_.erase(message.first);
    return true;
  });
}

void LogModel::Apply(const v1::Event& event) {
  if (event.position() != position_ + 1) {
    faults_.push_back(StrCat("position ", event.position(), " after ", position_));
  }
  position_ = event.position();
  unsent_.Apply(event);
  keepsakes_.Apply(event);
  unread_.Apply(event);
  switch (event.payload_case()) {
    case v1::Event::kChannelCreated:
      return ApplyChannel(event.channel_created().channel());
    case v1::Event::kChannelUpdated:
      return ApplyChannel(event.channel_updated().channel());
    case v1::Event::kChannelArchived:
      return ApplyChannel(event.channel_archived().channel());
    case v1::Event::kChannelUnarchived:
      return ApplyChannel(event.channel_unarchived().channel());
    case v1::Event::kMemberAdded: {
      ApplyChannel(event.member_added().channel());
      const v1::Member& member = event.member_added().member();
      members_[Key(member.channel_id(), member.actor().id())] = member;
      return;
    }
    case v1::Event::kMemberUpdated: {
      if (event.has_to_actor_id()) return;  // the same with what is its own
      const v1::Member& member = event.member_updated().member();
      members_[Key(member.channel_id(), member.actor().id())] = member;
      return;
    }
    case v1::Event::kMemberRemoved: {
      const v1::MemberRemoved& removed = event.member_removed();
      if (channels_.count(removed.channel_id()) == 0) return;  // of a channel that was purged since
      if (members_.erase(Key(removed.channel_id(), removed.actor_id())) == 0) {
        faults_.push_back("somebody who was no member was removed");
      }
      v1::Channel& channel = channels_[removed.channel_id()];
      channel.set_member_count(channel.member_count() - 1);
      return;
    }
    case v1::Event::kChannelDeleted:
      return ForgetChannel(event.channel_deleted().channel_id());
    case v1::Event::kMessageNew:
      return ApplyMessage(event.message_new().message());
    case v1::Event::kMessageUpdated:
      return ApplyMessage(event.message_updated().message());
    case v1::Event::kMessageDeleted:
      return ApplyMessage(event.message_deleted().message());
    case v1::Event::kMessageStreamStart:
      return ApplyMessage(event.message_stream_start().message());
    case v1::Event::kReactionAdded: {
      const v1::ReactionAdded& reaction = event.reaction_added();
      return ApplyReaction(reaction.message_id(), reaction.emoji(), reaction.actor_id(),
                           reaction.count(), true);
    }
    case v1::Event::kReactionRemoved: {
      const v1::ReactionRemoved& reaction = event.reaction_removed();
      return ApplyReaction(reaction.message_id(), reaction.emoji(), reaction.actor_id(),
                           reaction.count(), false);
    }
    default:
      return;
  }
}

namespace {

// The difference in words; empty for none.
template <typename M>
std::string Difference(const M& by_events, const M& by_read) {
  std::string text;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&text);
  differencer.Compare(by_events, by_read);
  return text;
}

template <typename M>
void Note(const std::string& what, const std::map<std::string, M>& model, const std::string& id,
          const M& stored, std::vector<std::string>* found) {
  const auto it = model.find(id);
  if (it == model.end()) {
    found->push_back(StrCat(what, " ", id, " is in no event"));
  } else if (const std::string text = Difference(it->second, stored); !text.empty()) {
    found->push_back(StrCat(what, " ", id, ": ", text));
  }
}

// Everything of a channel: a page at a time, replies too.
absl::StatusOr<std::vector<v1::Message>> AllMessages(ReadTx& tx, const ChannelId& channel) {
  std::vector<v1::Message> all;
  while (true) {
    MessagePage page;
    page.ascending = true;
    page.include_replies = true;
    page.after_seq = all.empty() ? 0 : all.back().seq();
    page.limit = 100;
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::Message> next, tx.messages.List(channel, page));
    if (next.empty()) return all;
    std::move(next.begin(), next.end(), std::back_inserter(all));
  }
}

}  // namespace

absl::Status LogModel::CompareChannel(ReadTx& tx, const v1::Channel& stored,
                                      std::vector<std::string>* found) const {
  const ChannelId id(stored.id());
  Note("channel", channels_, stored.id(), stored, found);
  HEIM_ASSIGN_OR_RETURN(const std::vector<v1::Member> members, tx.members.List(id, "", 1000));
  size_t known = 0;
  for (const auto& [key, member] : members_) known += key.first == stored.id() ? 1 : 0;
  if (known != members.size() || members.size() != stored.member_count()) {
    found->push_back(StrCat("channel ", stored.id(), " has ", members.size(),
                            " members, by events ", known, ", by its count ",
                            stored.member_count()));
  }
  for (const v1::Member& member : members) {
    const auto it = members_.find(Key(stored.id(), member.actor().id()));
    if (it == members_.end()) continue;  // counted above
    const std::string text = Difference(it->second, member);
    if (!text.empty()) found->push_back(StrCat("member: ", text));
  }
  HEIM_ASSIGN_OR_RETURN(const std::vector<v1::Message> messages, AllMessages(tx, id));
  uint64_t seq = 0;
  for (const v1::Message& message : messages) {
    if (message.seq() != ++seq) found->push_back("a seq is missing");
    v1::Message durable = message;
    if (message.state() == v1::MESSAGE_STATE_STREAMING) {
      durable.clear_content();  // what was streamed so far is in no durable event
      durable.clear_parts();
    }
    Note("message", messages_, message.id(), durable, found);
  }
  if (seq != stored.last_seq()) found->push_back("last_seq is not that of the last message");
  return absl::OkStatus();
}

std::vector<std::string> LogModel::Differences(ReadTx& tx, const WorkspaceId& workspace) const {
  std::vector<std::string> found = faults_;
  for (std::string& one : unread_.Differences(tx, workspace)) found.push_back(std::move(one));
  const absl::StatusOr<LogHead> head = tx.log.Head(workspace);
  if (!head.ok() || head->position != position_) found.push_back("the log ends elsewhere");
  for (const auto& [id, channel] : channels_) {
    const absl::StatusOr<v1::Channel> stored = tx.channels.Get(ChannelId(id));
    const absl::Status status = stored.ok() ? CompareChannel(tx, *stored, &found) : stored.status();
    if (!status.ok()) found.push_back(StrCat("channel ", id, ": ", status.ToString()));
  }
  const absl::Status unsent = unsent_.Compare(tx, workspace, &found);
  if (!unsent.ok()) found.push_back(unsent.ToString());
  keepsakes_.Compare(tx, workspace, &found);
  return found;
}

namespace {

class StateLawTest : public ChatFixture, public ::testing::WithParamInterface<uint64_t> {
 protected:
  uint64_t Below(uint64_t bound) { return RandomBelow(dice_, bound); }
  const std::string& One(const std::vector<std::string>& of) { return of[Below(of.size())]; }
  const Caller& Somebody() {
    const std::vector<const Caller*> all = {&olga_, &ada_, &ann_, &bob_, &bot_, &gus_};
    return *all[Below(all.size())];
  }

  void Note(const absl::StatusOr<v1::Message>& message) {
    if (message.ok()) said_.push_back(message->id());
  }
  void Note(const absl::StatusOr<v1::Channel>& channel) {
    if (channel.ok()) places_.push_back(channel->id());
  }

  void DoToMessages();
  void DoToChannels();
  void Purge(const Caller& who, const std::string& place);
  void DoToStreams();
  void DoToDrafts();
  void DoToScheduled();
  void DoToKeepsakes();
  void DoToBookmarks(const Caller& who);
  void DoSomething() {
    const uint64_t what = Below(13);
    if (what == 12) {
      DoToDrafts();
    } else if (what >= 10) {
      DoToKeepsakes();
    } else if (what < 6) {
      DoToMessages();
    } else if (what < 8) {
      DoToChannels();
    } else {
      DoToStreams();
    }
    if (Below(4) == 0) clock_.Advance(absl::Milliseconds(1 + Below(2000)));
  }
  void ExpectLawHolds(const std::vector<v1::Event>& events, const char* which) {
    LogModel model;
    for (const v1::Event& event : events) model.Apply(event);
    Read([&](ReadTx& tx) -> absl::Status {
      const std::vector<std::string> differences = model.Differences(tx, workspace_);
      for (const std::string& difference : differences)
        ADD_FAILURE() << which << ": " << difference;
      return absl::OkStatus();
    });
  }

  SeededEntropy dice_{GetParam()};
  std::vector<std::string> places_;
  std::vector<std::string> said_;
  std::vector<v1::Bookmark> marked_;
  std::vector<std::pair<const Caller*, std::string>> streaming_;
};

void StateLawTest::DoToMessages() {
  static const std::vector<std::string> kEmoji = {"👍", "🎉", "tada", "+1"};
  const Caller& who = Somebody();
  const std::string& message = One(said_);
  switch (Below(9)) {
    case 0:
    case 1:
      return Note(Send(who, One(places_), StrCat("word ", Below(100), " @bob @channel")));
    case 2:
    case 3: {
      const auto root = Get(who, message);
      if (root.ok()) Note(Send(who, root->channel_id(), "a reply", message));
      return;
    }
    case 4:
      return (void)Edit(who, message, StrCat("edited ", Below(100)));
    case 5:
      return (void)Delete(who, message);
    case 6:
    case 7:
      return (void)React(who, message, One(kEmoji));
    default:
      return (void)Unreact(who, message, One(kEmoji));
  }
}

// The owner's word for it, then all the steps.
void StateLawTest::Purge(const Caller& who, const std::string& place) {
  if (Below(3) > 0) return;
  v1::PurgeChannelRequest request;
  request.set_channel_id(place);
  Read([&](ReadTx& tx) -> absl::Status {
    const absl::StatusOr<v1::Channel> channel = tx.channels.Get(ChannelId(place));
    if (channel.ok()) request.set_confirm(channel->name());
    return absl::OkStatus();
  });
  if (!Call(who, &ChannelService::PurgeChannel, channels_, request).ok()) return;
  Settle();
  bool more = true;
  while (more) {
    absl::Notification done;
    Draft draft;
    draft.apply = [&more](WriteTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(const std::optional<ChannelPurge> purge, tx.purges.Next());
      more = purge.has_value();
      return more ? tx.purges.Step(*purge) : absl::OkStatus();
    };
    store_->Commit(std::move(draft), [&](const absl::StatusOr<Committed>& committed) {
      EXPECT_TRUE(committed.ok()) << committed.status();
      more = more && committed.ok();
      done.Notify();
    });
    done.WaitForNotification();
  }
}

void StateLawTest::DoToChannels() {
  const Caller& who = Somebody();
  const Caller& other = Somebody();
  const std::string& place = One(places_);
  switch (Below(13)) {
    case 12:
      return Purge(who, place);
    case 0:
      if (places_.size() > 6) return;
      return Note(
          CreateChannel(who, StrCat("place-", Below(1000)),
                        Below(2) == 0 ? v1::CHANNEL_TYPE_PUBLIC : v1::CHANNEL_TYPE_PRIVATE));
    case 1:
      if (const auto direct = OpenDirect(who, {&other}); direct.ok()) Note(direct);
      return;
    case 2:
    case 3:
      return (void)Join(who, place);
    case 4:
      return (void)Leave(who, place);
    case 5:
    case 6:
      return (void)AddMember(who, place, other, static_cast<v1::ChannelRole>(1 + Below(5)));
    case 7:
      return (void)RemoveMember(who, place, other);
    case 8:
      return (void)SetRole(who, place, other, static_cast<v1::ChannelRole>(1 + Below(5)));
    case 9:
      return (void)Archive(who, place);
    case 10:
      return (void)Unarchive(olga_, place);
    default: {
      v1::UpdateChannelRequest request;
      request.set_channel_id(place);
      request.mutable_channel()->set_topic(StrCat("topic ", Below(5)));
      if (Below(3) == 0) {
        request.mutable_channel()->set_history_visibility(
            static_cast<v1::HistoryVisibility>(1 + Below(2)));
      }
      return (void)Call(who, &ChannelService::UpdateChannel, channels_, request);
    }
  }
}

void StateLawTest::DoToStreams() {
  if (streaming_.empty() || Below(4) == 0) {
    const Caller& who = Somebody();
    const std::string thread = Below(2) == 0 ? One(said_) : "";
    const auto stream = StartStream(who, One(places_), thread);
    if (!stream.ok()) return;
    streaming_.emplace_back(&who, stream->id());
    said_.push_back(stream->message_id());
    return;
  }
  const size_t which = Below(streaming_.size());
  const auto [who, stream] = streaming_[which];
  const uint64_t what = Below(6);
  if (what < 4) return (void)Append(*who, stream, StrCat("token ", Below(10), " "));
  if (what == 4) (void)FinishStream(*who, stream);
  if (what == 5) (void)AbortStream(Somebody(), stream);
  streaming_.erase(streaming_.begin() + static_cast<int64_t>(which));
}

void StateLawTest::DoToDrafts() {
  auto drafts = std::make_unique<DraftService>(*store_, clock_);
  const Caller& who = Somebody();
  const auto message = Get(who, One(said_));
  v1::SaveDraftRequest save;
  save.set_channel_id(message.ok() ? message->channel_id() : One(places_));
  if (message.ok() && Below(2) == 0) save.set_thread_id(message->id());
  if (Below(4) > 0) save.set_content(StrCat("a draft ", Below(10)));
  (void)Call(who, &DraftService::SaveDraft, drafts, save);
  DoToScheduled();
}

void StateLawTest::DoToScheduled() {
  auto service = std::make_unique<ScheduledMessageService>(*store_, clock_, ids_, *presence_,
                                                           [](absl::Time) {});
  const Caller& who = Somebody();
  v1::ScheduleMessageRequest schedule;
  schedule.set_channel_id(One(places_));
  schedule.set_content(StrCat("later ", Below(10)));
  *schedule.mutable_send_at() = ToTimestamp(clock_.Now() + absl::Minutes(1));
  const auto made = Call(who, &ScheduledMessageService::ScheduleMessage, service, schedule);
  if (!made.ok()) return;
  const std::string& id = made->scheduled_message().id();
  switch (Below(4)) {
    case 0: {
      v1::CancelScheduledMessageRequest cancel;
      cancel.set_scheduled_message_id(id);
      return (void)Call(who, &ScheduledMessageService::CancelScheduledMessage, service, cancel);
    }
    case 1: {
      v1::SendScheduledNowRequest send;
      send.set_scheduled_message_id(id);
      const auto sent = Call(who, &ScheduledMessageService::SendScheduledNow, service, send);
      if (sent.ok()) said_.push_back(sent->scheduled_message().message_id());
      return;
    }
    case 2: {
      v1::UpdateScheduledMessageRequest update;
      update.set_scheduled_message_id(id);
      update.mutable_scheduled_message()->set_content("changed");
      return (void)Call(who, &ScheduledMessageService::UpdateScheduledMessage, service, update);
    }
    default:
      return;
  }
}

void StateLawTest::DoToKeepsakes() {
  const Caller& who = Somebody();
  const std::string& message = One(said_);
  const auto seen = Get(who, message);
  switch (Below(8)) {
    case 6:
    case 7:
      return Note(Forward(who, message, One(places_), Below(2) == 0 ? "look" : ""));
    case 0:
    case 1:
      if (seen.ok()) Pin(who, seen->channel_id(), message).IgnoreError();
      return;
    case 2:
      if (seen.ok()) Unpin(who, seen->channel_id(), message).IgnoreError();
      return;
    case 3:
      Save(who, message, StrCat("note ", Below(3)), Below(2) == 0).IgnoreError();
      return;
    case 4:
      Unsave(who, message).IgnoreError();
      return;
    default:
      return DoToBookmarks(who);
  }
}

void StateLawTest::DoToBookmarks(const Caller& who) {
  const std::string& place = One(places_);
  if (marked_.empty() || Below(2) == 0) {
    const auto made = AddBookmark(who, place, StrCat("link ", Below(100)));
    if (made.ok()) marked_.push_back(*made);
    return;
  }
  const v1::Bookmark mark = marked_[Below(marked_.size())];
  if (Below(3) == 0) {
    v1::DeleteBookmarkRequest request;
    request.set_channel_id(mark.channel_id());
    request.set_bookmark_id(mark.id());
    return (void)Call(who, &BookmarkService::DeleteBookmark, bookmarks_, request);
  }
  v1::UpdateBookmarkRequest request;
  request.set_channel_id(mark.channel_id());
  request.set_bookmark_id(mark.id());
  request.mutable_bookmark()->set_title(StrCat("title ", Below(3)));
  (void)Call(who, &BookmarkService::UpdateBookmark, bookmarks_, request);
}

TEST_P(StateLawTest, EventsOnNothingGiveWhatReadsReturn) {
  SCOPED_TRACE(StrCat("seed ", GetParam()));
  places_ = {general_, CreateChannel(ann_, "dev")->id()};
  Note(Send(ann_, general_, "first"));
  for (int i = 0; i < 500; ++i) DoSomething();
  Settle();
  const std::vector<v1::Event> log = ReadLog();
  ExpectLawHolds(log, "the log");
  ExpectLawHolds(tape_.events(), "live");
  EXPECT_GT(log.size(), 150u) << "little happened";

  Restart();
  clock_.Advance(absl::Hours(2));  // the streams that are left time out
  Settle();
  ExpectLawHolds(ReadLog(), "the log after a restart");
}

INSTANTIATE_TEST_SUITE_P(Seeds, StateLawTest, ::testing::Values(1, 2, 3, 4, 5, 6));

}  // namespace
}  // namespace heim
