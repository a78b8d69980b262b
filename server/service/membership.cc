#include "server/service/membership.h"

#include <optional>
#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/time.h"

namespace heim {

v1::Member PublicMember(v1::Member member) {
  member.clear_last_read_at();
  member.clear_last_read_seq();
  member.clear_muted();
  return member;
}

v1::Channel PublicChannel(v1::Channel channel) {
  channel.clear_me();
  return channel;
}

v1::Event ChannelEvent(const Acting& acting, const ChannelId& channel) {
  v1::Event event;
  event.set_channel_id(channel.str());
  event.set_actor_id(acting.by.str());
  *event.mutable_timestamp() = ToTimestamp(acting.at);
  return event;
}

v1::Event MessageEvent(const Acting& acting, const v1::Message& message) {
  v1::Event event = ChannelEvent(acting, ChannelId(message.channel_id()));
  event.set_message_seq(message.seq());
  return event;
}

namespace {

// Where history begins for who joins now.
absl::StatusOr<uint64_t> HistoryOfNewcomer(WriteTx& tx, const v1::Channel& channel) {
  if (channel.history_visibility() == v1::HISTORY_VISIBILITY_SINCE_JOINING) {
    return channel.last_seq() == 0 ? 0 : channel.last_seq() + 1;
  }
  HEIM_ASSIGN_OR_RETURN(const HistoryStart start, tx.channels.OpenFrom(ChannelId(channel.id())));
  return start.seq;
}

}  // namespace

absl::StatusOr<v1::Member> AddToChannel(WriteTx& tx, const Acting& acting, const ChannelId& channel,
                                        const ActorId& actor, v1::ChannelRole role) {
  HEIM_ASSIGN_OR_RETURN(const v1::Channel before, tx.channels.Get(channel));
  const WorkspaceId workspace(before.workspace_id());
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace));
  v1::Member member;
  member.set_channel_id(channel.str());
  HEIM_ASSIGN_OR_RETURN(*member.mutable_actor(), tx.actors.GetRef(actor));
  member.set_role(role);
  *member.mutable_joined_at() = ToTimestamp(acting.at);
  member.set_last_read_seq(before.last_seq());
  member.set_revision(1);
  HEIM_ASSIGN_OR_RETURN(const uint64_t history, HistoryOfNewcomer(tx, before));
  member.set_history_from_seq(history);
  HEIM_RETURN_IF_ERROR(tx.members.Insert(member, position));

  v1::Event event = ChannelEvent(acting, channel);
  v1::MemberAdded& added = *event.mutable_member_added();
  HEIM_ASSIGN_OR_RETURN(*added.mutable_channel(), tx.channels.Get(channel));
  *added.mutable_member() = PublicMember(member);
  HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
  return member;
}

namespace {

// Keeps a channel that still has members from being without an owner.
absl::Status PassOwnership(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                           const ChannelId& channel, const ActorId& leaving) {
  HEIM_ASSIGN_OR_RETURN(const int64_t owners, tx.members.CountOwners(channel));
  if (owners > 1) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(const std::optional<ActorId> heir, tx.members.Successor(channel, leaving));
  if (!heir.has_value()) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(v1::Member member, tx.members.Get(channel, *heir));
  member.set_role(v1::CHANNEL_ROLE_OWNER);
  member.set_revision(member.revision() + 1);
  HEIM_RETURN_IF_ERROR(tx.members.Update(member));
  v1::Event event = ChannelEvent(acting, channel);
  *event.mutable_member_updated()->mutable_member() = PublicMember(std::move(member));
  return tx.Emit(workspace, std::move(event)).status();
}

}  // namespace

absl::StatusOr<v1::Member> RemoveFromChannel(WriteTx& tx, const Acting& acting,
                                             const ChannelId& channel, const ActorId& actor) {
  HEIM_ASSIGN_OR_RETURN(const v1::Channel before, tx.channels.Get(channel));
  HEIM_ASSIGN_OR_RETURN(v1::Member member, tx.members.Get(channel, actor));
  const WorkspaceId workspace(before.workspace_id());
  if (member.role() == v1::CHANNEL_ROLE_OWNER) {
    HEIM_RETURN_IF_ERROR(PassOwnership(tx, acting, workspace, channel, actor));
  }
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace));
  HEIM_RETURN_IF_ERROR(tx.members.Remove(channel, actor, position));
  HEIM_RETURN_IF_ERROR(tx.notifications.ForgetChannel(channel, actor));
  v1::Event event = ChannelEvent(acting, channel);
  v1::MemberRemoved& removed = *event.mutable_member_removed();
  removed.set_channel_id(channel.str());
  removed.set_actor_id(actor.str());
  removed.set_removed_by(acting.by.str());
  HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
  return member;
}

ChannelId DefaultChannelOf(const v1::Workspace& workspace) {
  const auto& fields = workspace.settings().fields();
  const auto it = fields.find("default_channel_id");
  return it == fields.end() ? ChannelId() : ChannelId(it->second.string_value());
}

}  // namespace heim
