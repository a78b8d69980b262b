#include "server/service/access.h"

#include <limits>
#include <optional>

#include "server/auth/session_scopes.h"
#include "server/base/ids.h"
#include "server/base/status_macros.h"
#include "server/model/emoji.h"
#include "server/model/errors.h"

namespace heim {
namespace {

constexpr std::string_view kMe = "me";

bool IsReason(const absl::Status& status, v1::ErrorReason reason) {
  return ReasonOf(status) == reason;
}

// The caller's role in the workspace of the call, from the rows; UNSPECIFIED for none.
absl::StatusOr<v1::WorkspaceRole> RoleOf(ReadTx& tx, const Caller& caller) {
  if (caller.workspace_id.empty()) return v1::WORKSPACE_ROLE_UNSPECIFIED;
  const auto member = tx.workspaces.GetMember(caller.workspace_id, caller.actor_id);
  if (member.ok()) return member->role();
  if (IsReason(member.status(), v1::ERROR_REASON_MEMBER_NOT_FOUND)) {
    return v1::WORKSPACE_ROLE_UNSPECIFIED;
  }
  return member.status();
}

AccessFacts FactsOf(const Caller& caller, v1::WorkspaceRole role) {
  AccessFacts facts;
  facts.workspace_role = role;
  facts.scopes = caller.scopes;
  facts.credential_is_session = caller.is_session();
  return facts;
}

// The channel as the caller stands to it; nullopt when the workspace of the call has none such.
absl::StatusOr<std::optional<v1::Channel>> FindChannel(ReadTx& tx, const Caller& caller,
                                                       const ChannelId& id) {
  if (!IsUuid(id.str())) return std::optional<v1::Channel>();
  auto channel = tx.channels.GetFor(id, caller.actor_id);
  if (IsReason(channel.status(), v1::ERROR_REASON_CHANNEL_NOT_FOUND)) {
    return std::optional<v1::Channel>();
  }
  if (!channel.ok()) return channel.status();
  if (channel->workspace_id() != caller.workspace_id.str()) return std::optional<v1::Channel>();
  return std::optional<v1::Channel>(*std::move(channel));
}

constexpr uint64_t kNothing = std::numeric_limits<int64_t>::max();

// Where the channel's history begins for the caller, who may read the channel.
absl::StatusOr<uint64_t> HistoryFrom(ReadTx& tx, const v1::Channel& channel) {
  if (channel.has_me()) return channel.me().history_from_seq();
  if (channel.history_visibility() == v1::HISTORY_VISIBILITY_SINCE_JOINING) return kNothing;
  HEIM_ASSIGN_OR_RETURN(const HistoryStart start, tx.channels.OpenFrom(ChannelId(channel.id())));
  return start.seq;
}

// What a setting of the workspace makes of a right of its members.
struct Switch {
  std::string_view name;  // empty: nothing
  bool open_by_default = true;
};

Switch SwitchOf(Permission permission) {
  switch (permission) {
    case Permission::kCreateChannel:
      return {kMembersCreateChannels};
    case Permission::kCreateAgent:
      return {kMembersRegisterAgents};
    case Permission::kCreateInvite:
      return {kMembersCreateInvites};
    case Permission::kManageGroups:
      return {kMembersManageGroups, false};
    default:
      return {};
  }
}

absl::StatusOr<bool> IsOpen(ReadTx& tx, const WorkspaceId& id, const Switch& of) {
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, tx.workspaces.Get(id));
  const auto& settings = workspace.settings().fields();
  const auto found = settings.find(std::string(of.name));
  if (found == settings.end() || !found->second.has_bool_value()) return of.open_by_default;
  return found->second.bool_value();
}

ChannelStanding StandingIn(const v1::Channel& channel) {
  ChannelStanding standing;
  standing.type = channel.type();
  standing.archived = channel.archived();
  standing.is_member = channel.has_me();
  standing.role = channel.me().role();
  return standing;
}

}  // namespace

absl::StatusOr<ChannelAccess> AccessChannel(ReadTx& tx, const Caller& caller, const ChannelId& id,
                                            Permission permission) {
  HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole role, RoleOf(tx, caller));
  HEIM_ASSIGN_OR_RETURN(std::optional<v1::Channel> channel, FindChannel(tx, caller, id));
  AccessFacts facts = FactsOf(caller, role);
  if (channel.has_value()) facts.channel = StandingIn(*channel);
  HEIM_RETURN_IF_ERROR(Check(permission, facts));
  if (!channel.has_value()) return ChannelNotFound();
  HEIM_ASSIGN_OR_RETURN(const uint64_t from, HistoryFrom(tx, *channel));
  return ChannelAccess(*std::move(channel), role, from);
}

absl::StatusOr<MessageAccess> AccessMessage(ReadTx& tx, const Caller& caller, const MessageId& id,
                                            Permission permission) {
  if (!IsUuid(id.str())) return MessageNotFound();
  HEIM_ASSIGN_OR_RETURN(v1::Message message, tx.messages.Get(id));
  auto access = AccessChannel(tx, caller, ChannelId(message.channel_id()), permission);
  if (IsReason(access.status(), v1::ERROR_REASON_CHANNEL_NOT_FOUND)) return MessageNotFound();
  if (!access.ok()) return access.status();
  if (!access->MayRead(message)) return MessageNotFound();
  return MessageAccess{*std::move(access), std::move(message)};
}

absl::StatusOr<v1::Message> MessageIn(ReadTx& tx, const ChannelAccess& access,
                                      const MessageId& id) {
  if (!IsUuid(id.str())) return MessageNotFound();
  HEIM_ASSIGN_OR_RETURN(v1::Message message, tx.messages.Get(id));
  if (message.channel_id() != access.id().str() || !access.MayRead(message)) {
    return MessageNotFound();
  }
  return message;
}

absl::StatusOr<v1::Actor> AccessActor(ReadTx& tx, const Caller& caller, const ActorId& id) {
  if (!IsUuid(id.str())) return ActorNotFound();
  if (id == caller.actor_id) return tx.actors.Get(id);
  HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole role, RoleOf(tx, caller));
  if (role == v1::WORKSPACE_ROLE_UNSPECIFIED) return ActorNotFound();
  const auto member = tx.workspaces.GetMember(caller.workspace_id, id);
  if (IsReason(member.status(), v1::ERROR_REASON_MEMBER_NOT_FOUND)) return ActorNotFound();
  if (!member.ok()) return member.status();
  if (role == v1::WORKSPACE_ROLE_GUEST) {
    HEIM_ASSIGN_OR_RETURN(const bool shares,
                          tx.actors.ShareChannel(caller.workspace_id, caller.actor_id, id));
    if (!shares) return ActorNotFound();
  }
  return tx.actors.Get(id);
}

absl::StatusOr<FileRow> AccessFile(ReadTx& tx, const Caller& caller, const FileId& id,
                                   Permission permission) {
  HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, permission));
  if (!IsUuid(id.str())) return FileNotFound();
  HEIM_ASSIGN_OR_RETURN(FileRow row, tx.files.Get(id));
  if (row.workspace_id != caller.workspace_id) return FileNotFound();
  if (row.file.actor_id() == caller.actor_id.str()) return row;
  HEIM_ASSIGN_OR_RETURN(const std::vector<Files::Place> places, tx.files.PlacesOf(id));
  HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole role, RoleOf(tx, caller));
  for (const Files::Place& place : places) {
    HEIM_ASSIGN_OR_RETURN(const std::optional<v1::Channel> channel,
                          FindChannel(tx, caller, place.channel_id));
    if (!channel.has_value()) continue;
    AccessFacts facts = FactsOf(caller, role);
    facts.channel = StandingIn(*channel);
    if (!CanRead(facts)) continue;
    HEIM_ASSIGN_OR_RETURN(const uint64_t from, HistoryFrom(tx, *channel));
    if (place.newest_seq >= from) return row;
  }
  return FileNotFound();
}

absl::StatusOr<v1::WorkspaceRole> CheckWorkspaceRole(ReadTx& tx, const Caller& caller,
                                                     Permission permission) {
  HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole role, RoleOf(tx, caller));
  HEIM_RETURN_IF_ERROR(Check(permission, FactsOf(caller, role)));
  const Switch setting = SwitchOf(permission);
  if (setting.name.empty() || role != v1::WORKSPACE_ROLE_MEMBER) return role;
  HEIM_ASSIGN_OR_RETURN(const bool open, IsOpen(tx, caller.workspace_id, setting));
  if (!open) return WorkspaceRoleRequired(v1::WORKSPACE_ROLE_ADMIN);
  return role;
}

absl::Status CheckWorkspace(ReadTx& tx, const Caller& caller, Permission permission) {
  return CheckWorkspaceRole(tx, caller, permission).status();
}

absl::StatusOr<bool> MayMentionGroups(ReadTx& tx, const WorkspaceId& workspace,
                                      const v1::ActorRef& author) {
  Caller as;
  as.actor_id = ActorId(author.id());
  as.workspace_id = workspace;
  AccessFacts facts;
  HEIM_ASSIGN_OR_RETURN(facts.workspace_role, RoleOf(tx, as));
  facts.credential_is_session = true;  // the scope was checked with the message itself
  if (!Check(Permission::kMentionGroups, facts).ok()) return false;
  if (author.type() != v1::ACTOR_TYPE_AGENT) return true;
  return IsOpen(tx, workspace, {kAgentsMentionGroups, false});
}

absl::StatusOr<Caller> EnterWorkspace(ReadTx& tx, const Caller& caller,
                                      std::string_view id_or_slug) {
  Caller inside = caller;
  if (!id_or_slug.empty() && id_or_slug != caller.workspace_id.str()) {
    HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, tx.workspaces.GetByIdOrSlug(id_or_slug));
    inside.workspace_id = WorkspaceId(workspace.id());
  }
  const bool bound = caller.credential_type == v1::CREDENTIAL_TYPE_API_KEY;
  if (bound && inside.workspace_id != caller.workspace_id) return WorkspaceNotFound();
  HEIM_ASSIGN_OR_RETURN(inside.workspace_role, RoleOf(tx, inside));
  if (inside.workspace_role == v1::WORKSPACE_ROLE_UNSPECIFIED) return WorkspaceNotFound();
  inside.scopes = AllowedScopes(caller.scopes, inside.workspace_role);
  return inside;
}

absl::Status CheckChannelsReadable(Store& store, const Caller& caller,
                                   absl::Span<const std::string> channel_ids) {
  if (channel_ids.empty()) return absl::OkStatus();
  return store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole role, RoleOf(tx, caller));
    for (const std::string& id : channel_ids) {
      HEIM_ASSIGN_OR_RETURN(const std::optional<v1::Channel> channel,
                            FindChannel(tx, caller, ChannelId(id)));
      AccessFacts facts = FactsOf(caller, role);
      if (channel.has_value()) facts.channel = StandingIn(*channel);
      HEIM_RETURN_IF_ERROR(Check(Permission::kReadChannel, facts));
    }
    return absl::OkStatus();
  });
}

absl::Status CheckEmojiExists(ReadTx& tx, const WorkspaceId& workspace, std::string_view emoji) {
  const std::string_view name = CustomNameOf(emoji);
  if (name.empty()) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(const bool exists, tx.custom_emoji.Exists(workspace, name));
  if (exists) return absl::OkStatus();
  return ErrorBuilder(v1::ERROR_REASON_INVALID_EMOJI, "The workspace has no emoji of this name")
      .Field("emoji", "a Unicode emoji, or the name of one")
      .Build();
}

ActorId ResolveMe(const Caller& caller, std::string_view actor_id) {
  return actor_id == kMe ? caller.actor_id : ActorId(actor_id);
}

}  // namespace heim
