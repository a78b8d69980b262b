#include "server/jobs/inbox_job.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "google/protobuf/util/time_util.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/inbox_rules.h"
#include "server/model/keywords.h"
#include "server/model/limits.h"
#include "server/model/time.h"
#include "server/service/inbox_marks.h"
#include "server/service/membership.h"

namespace heim {

struct InboxJob::Said {
  const v1::Message& message;
  std::vector<v1::Mention> mentions;  // those that count
  bool edited = false;
};

namespace {

bool IsDirect(v1::ChannelType type) {
  return type == v1::CHANNEL_TYPE_DM || type == v1::CHANNEL_TYPE_GROUP_DM;
}

// Whom the message calls, by name and as one of several, and who follows its thread.
struct Called {
  absl::flat_hash_set<std::string> by_name;
  absl::flat_hash_set<std::string> in_group;
  bool everybody = false;
  absl::flat_hash_set<std::string> followers;
};

// Groups called who was in them, and @here who was there, when the message was said.
absl::Status AddGroup(ReadTx& tx, const v1::Message& message, std::string_view called_as,
                      Called* called) {
  HEIM_ASSIGN_OR_RETURN(
      const std::vector<ActorId> members,
      tx.calls.CalledAs(ChannelId(message.channel_id()), message.seq(), called_as));
  for (const ActorId& member : members) called->in_group.insert(member.str());
  return absl::OkStatus();
}

absl::StatusOr<Called> CalledBy(ReadTx& tx, const v1::Message& message,
                                const std::vector<v1::Mention>& mentions) {
  Called called;
  for (const v1::Mention& mention : mentions) {
    if (mention.type() == v1::MENTION_TYPE_ACTOR) {
      called.by_name.insert(mention.actor_id());
    } else if (mention.type() == v1::MENTION_TYPE_GROUP) {
      HEIM_RETURN_IF_ERROR(AddGroup(tx, message, mention.group_id(), &called));
    } else if (mention.type() == v1::MENTION_TYPE_HERE) {
      HEIM_RETURN_IF_ERROR(AddGroup(tx, message, GroupCalls::kHere, &called));
    } else {
      called.everybody = true;
    }
  }
  return called;
}

ReaderSettings SettingsOf(const NotifiedMember& member) {
  ReaderSettings settings;
  settings.thread_level = member.thread_level;
  settings.channel_level = member.channel_level;
  settings.channel_muted = member.muted;
  settings.preferences = member.preferences;
  settings.chosen_presence = member.chosen_presence;
  return settings;
}

bool HasKeyword(const KeywordText& text, const NotifiedMember& member) {
  return std::any_of(member.preferences.keywords().begin(), member.preferences.keywords().end(),
                     [&](const std::string& keyword) { return text.Has(keyword); });
}

// By id, so that a plan made again is the same.
void SortById(std::vector<NotifiedMember>* members) {
  std::sort(members->begin(), members->end(), [](const NotifiedMember& a, const NotifiedMember& b) {
    return a.actor_id < b.actor_id;
  });
  members->erase(std::unique(members->begin(), members->end(),
                             [](const NotifiedMember& a, const NotifiedMember& b) {
                               return a.actor_id == b.actor_id;
                             }),
                 members->end());
}

std::vector<std::string> IdsOf(const std::vector<RemovedItem>& removed) {
  std::vector<std::string> ids;
  ids.reserve(removed.size());
  for (const RemovedItem& item : removed) ids.push_back(item.id);
  return ids;
}

bool SameMention(const v1::Mention& a, const v1::Mention& b) {
  return a.type() == b.type() && a.actor_id() == b.actor_id() && a.group_id() == b.group_id();
}

// A step that removes items and tells their owner.
LogJob::Step Removal(Clock& clock, const v1::Event& event, const InboxOwner& owner,
                     std::function<absl::StatusOr<std::vector<RemovedItem>>(WriteTx&)> remove) {
  return [&clock, by = ActorId(event.actor_id()), owner,
          remove = std::move(remove)](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const std::vector<RemovedItem> removed, remove(tx));
    return EmitInboxSeen(tx, {by, clock.Now()}, owner, IdsOf(removed));
  };
}

// What an actor no longer has anything to do with.
LogJob::Step Leaving(Clock& clock, const v1::Event& event, const WorkspaceId& workspace,
                     const ActorId& actor, const ChannelId& channel) {
  const InboxOwner owner{workspace, actor};
  return Removal(clock, event, owner, [owner, channel, position = event.position()](WriteTx& tx) {
    return channel.empty() ? tx.inbox.RemoveAll(owner, position)
                           : tx.inbox.RemoveChannel(owner, channel, position);
  });
}

}  // namespace

bool InboxJob::Wants(std::string_view type) const {
  static constexpr std::array<std::string_view, 7> kTypes = {
      "message.new",     "message.updated", "message.deleted",         "member.removed",
      "channel.deleted", "actor.updated",   "workspace_member.removed"};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

absl::StatusOr<std::vector<LogJob::Step>> InboxJob::Plan(ReadTx& tx, const WorkspaceId& workspace,
                                                         const v1::Event& event) {
  switch (event.payload_case()) {
    case v1::Event::kMessageNew: {
      const v1::Message& message = event.message_new().message();
      return PlanMessage(tx, workspace, event,
                         {message, {message.mentions().begin(), message.mentions().end()}});
    }
    case v1::Event::kMessageUpdated:
      return PlanEdit(tx, workspace, event);
    case v1::Event::kMessageDeleted:
      return PlanDeletion(tx, workspace, event);
    case v1::Event::kMemberRemoved: {
      const v1::MemberRemoved& removed = event.member_removed();
      return std::vector<Step>{Leaving(clock_, event, workspace, ActorId(removed.actor_id()),
                                       ChannelId(removed.channel_id()))};
    }
    case v1::Event::kWorkspaceMemberRemoved:
      return std::vector<Step>{Leaving(clock_, event, workspace,
                                       ActorId(event.workspace_member_removed().actor_id()),
                                       ChannelId())};
    case v1::Event::kActorUpdated: {
      const v1::Actor& actor = event.actor_updated().actor();
      if (!actor.has_deleted_at()) return std::vector<Step>();
      return std::vector<Step>{Leaving(clock_, event, workspace, ActorId(actor.id()), ChannelId())};
    }
    case v1::Event::kChannelDeleted:
      return PlanPurge(tx, workspace, event);
    default:
      return std::vector<Step>();
  }
}

absl::StatusOr<std::vector<LogJob::Step>> InboxJob::PlanMessage(ReadTx& tx,
                                                                const WorkspaceId& workspace,
                                                                const v1::Event& event,
                                                                const Said& said) {
  std::vector<Step> steps;
  const v1::Message& message = said.message;
  if (message.has_deleted_at() || message.content_type() == v1::CONTENT_TYPE_SYSTEM) return steps;
  const auto channel = tx.channels.Get(ChannelId(message.channel_id()));
  if (ReasonOf(channel.status()) == v1::ERROR_REASON_CHANNEL_NOT_FOUND) return steps;
  HEIM_RETURN_IF_ERROR(channel.status());

  const NotifiedPlace place{ChannelId(message.channel_id()), message.thread_id()};
  HEIM_ASSIGN_OR_RETURN(Called called, CalledBy(tx, message, said.mentions));
  if (message.has_thread_id() && !said.edited) {
    HEIM_ASSIGN_OR_RETURN(const std::vector<ActorId> followers,
                          tx.follows.FollowersOf(MessageId(message.thread_id())));
    for (const ActorId& follower : followers) called.followers.insert(follower.str());
  }
  const bool direct = IsDirect(channel->type());
  std::vector<NotifiedMember> members;
  if (called.everybody || (direct && !said.edited)) {
    HEIM_ASSIGN_OR_RETURN(members, tx.notifications.MembersOf(workspace, place));
  } else {
    std::vector<ActorId> asked(called.by_name.begin(), called.by_name.end());
    for (const std::string& id : called.in_group) asked.emplace_back(id);
    for (const std::string& id : called.followers) asked.emplace_back(id);
    if (!said.edited) {
      HEIM_ASSIGN_OR_RETURN(const std::vector<ActorId> listeners,
                            tx.notifications.ListenersTo(workspace, place));
      asked.insert(asked.end(), listeners.begin(), listeners.end());
    }
    HEIM_ASSIGN_OR_RETURN(members, tx.notifications.MembersAmong(workspace, place, asked));
  }
  SortById(&members);

  const KeywordText text(message.content(), message.content_type());
  const absl::Time at = FromTimestamp(event.timestamp());
  for (const NotifiedMember& member : members) {
    const std::string& id = member.actor_id.str();
    if (id == message.actor().id() || member.joined_position >= event.position()) continue;
    MessageToReader to_reader;
    to_reader.mentioned = called.by_name.contains(id);
    to_reader.group_mentioned = called.everybody || called.in_group.contains(id);
    to_reader.direct = direct;
    to_reader.followed = called.followers.contains(id);
    to_reader.keyword = HasKeyword(text, member);
    to_reader.edited = said.edited;
    const std::optional<InboxDecision> decision = DecideInbox(to_reader, SettingsOf(member), at);
    if (!decision.has_value()) continue;
    v1::InboxItem item;
    item.set_id(ids_.NewId());
    item.set_reason(decision->reason);
    item.set_quiet(decision->quiet);
    steps.push_back(Add(workspace, event, said, member.actor_id, std::move(item)));
  }
  return steps;
}

LogJob::Step InboxJob::Add(const WorkspaceId& workspace, const v1::Event& event, const Said& said,
                           const ActorId& reader, v1::InboxItem item) {
  item.set_channel_id(said.message.channel_id());
  if (said.message.has_thread_id()) item.set_thread_id(said.message.thread_id());
  item.set_message_id(said.message.id());
  *item.mutable_actor() = said.message.actor();
  *item.mutable_created_at() = event.timestamp();
  NewInboxItem added;
  added.item = std::move(item);
  added.seq = said.message.seq();
  added.position = event.position();
  added.read_counts = !said.edited;
  return [this, owner = InboxOwner{workspace, reader}, by = ActorId(event.actor_id()),
          added = std::move(added)](WriteTx& tx) -> absl::Status {
    const Acting acting{by, clock_.Now()};
    HEIM_ASSIGN_OR_RETURN(std::optional<v1::InboxItem> stored,
                          tx.inbox.Insert(owner, added, acting.at));
    if (!stored.has_value()) return absl::OkStatus();
    v1::Event told = ChannelEvent(acting, ChannelId());
    told.set_to_actor_id(owner.actor_id.str());
    *told.mutable_inbox_added()->mutable_item() = *std::move(stored);
    HEIM_RETURN_IF_ERROR(tx.Emit(owner.workspace_id, std::move(told)).status());
    HEIM_ASSIGN_OR_RETURN(const std::vector<RemovedItem> removed,
                          tx.inbox.Trim(owner, kInboxItemsMax));
    return EmitInboxSeen(tx, acting, owner, IdsOf(removed));
  };
}

// A root is updated with each reply, too: only at its own edit is there something new in it.
absl::StatusOr<std::vector<LogJob::Step>> InboxJob::PlanEdit(ReadTx& tx,
                                                             const WorkspaceId& workspace,
                                                             const v1::Event& event) {
  const v1::Message& message = event.message_updated().message();
  const bool edit = message.has_edited_at() &&
                    message.edited_at().seconds() == event.timestamp().seconds() &&
                    message.edited_at().nanos() == event.timestamp().nanos();
  if (!edit || message.mentions().empty()) return std::vector<Step>();
  HEIM_ASSIGN_OR_RETURN(
      const std::vector<v1::Mention> before,
      tx.notifications.MentionsBefore(MessageId(message.id()), message.revision()));
  Said said{message, {}, true};
  for (const v1::Mention& mention : message.mentions()) {
    const bool known = std::any_of(before.begin(), before.end(), [&](const v1::Mention& old) {
      return SameMention(old, mention);
    });
    if (!known) said.mentions.push_back(mention);
  }
  if (said.mentions.empty()) return std::vector<Step>();
  return PlanMessage(tx, workspace, event, said);
}

absl::StatusOr<std::vector<LogJob::Step>> InboxJob::PlanDeletion(ReadTx& tx,
                                                                 const WorkspaceId& workspace,
                                                                 const v1::Event& event) {
  const MessageId message(event.message_deleted().message_id());
  HEIM_ASSIGN_OR_RETURN(const std::vector<ActorId> owners, tx.inbox.OwnersByMessage(message));
  std::vector<Step> steps;
  for (const ActorId& actor : owners) {
    const InboxOwner owner{workspace, actor};
    steps.push_back(Removal(clock_, event, owner, [owner, message](WriteTx& write) {
      return write.inbox.RemoveMessage(owner, message);
    }));
  }
  return steps;
}

absl::StatusOr<std::vector<LogJob::Step>> InboxJob::PlanPurge(ReadTx& tx,
                                                              const WorkspaceId& workspace,
                                                              const v1::Event& event) {
  const ChannelId channel(event.channel_deleted().channel_id());
  HEIM_ASSIGN_OR_RETURN(const std::vector<ActorId> owners, tx.inbox.OwnersByChannel(channel));
  std::vector<Step> steps;
  for (const ActorId& actor : owners)
    steps.push_back(Leaving(clock_, event, workspace, actor, channel));
  steps.emplace_back(
      [channel](WriteTx& write) { return write.notifications.ForgetChannel(channel); });
  return steps;
}

}  // namespace heim
