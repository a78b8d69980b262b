#include "server/service/invites.h"

#include "server/auth/key_secret.h"
#include "server/base/status_macros.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/joining.h"

namespace heim {
namespace {

// Its rights as they are without any key.
Caller MakerOf(const v1::Invite& invite) {
  Caller maker;
  maker.actor_id = ActorId(invite.created_by());
  maker.workspace_id = WorkspaceId(invite.workspace_id());
  maker.credential_type = v1::CREDENTIAL_TYPE_PASSWORD;
  return maker;
}

// Whether the status is an answer about rights, not a failure to find out.
bool IsVerdict(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsPermissionDenied(status) ||
         absl::IsFailedPrecondition(status);
}

absl::Status OnlyInvalid(const absl::Status& status) {
  return status.ok() || !IsVerdict(status) ? status : InviteInvalid();
}

// Of an account whose row is there.
absl::Status CheckEmail(ReadTx& tx, const v1::Invite& invite, const v1::Actor& actor) {
  if (invite.email().empty()) return absl::OkStatus();
  const auto bound_to = tx.actors.GetByEmail(invite.email());
  if (!bound_to.ok()) return OnlyInvalid(bound_to.status());
  return bound_to->id() == actor.id() ? absl::OkStatus() : InviteInvalid();
}

// A channel that the maker can no longer add to is left out.
absl::Status JoinInvitedChannel(WriteTx& tx, const Acting& acting, const v1::Invite& invite,
                                const ChannelId& channel) {
  const absl::Status allowed = CheckInviteChannel(tx, MakerOf(invite), channel, invite.role());
  if (!allowed.ok()) return IsVerdict(allowed) ? absl::OkStatus() : allowed;
  return AddToChannel(tx, acting, channel, acting.by, v1::CHANNEL_ROLE_MEMBER).status();
}

}  // namespace

absl::Status CheckMayInvite(ReadTx& tx, const Caller& caller, v1::WorkspaceRole role) {
  HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole own,
                        CheckWorkspaceRole(tx, caller, Permission::kCreateInvite));
  return GrantedRole(role, own).status();
}

absl::Status CheckInviteChannel(ReadTx& tx, const Caller& caller, const ChannelId& channel,
                                v1::WorkspaceRole role) {
  HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                        AccessChannel(tx, caller, channel, Permission::kReadChannel));
  const bool could_join =
      access.channel().type() == v1::CHANNEL_TYPE_PUBLIC && role != v1::WORKSPACE_ROLE_GUEST;
  const Permission needed = could_join ? Permission::kJoin : Permission::kAddMember;
  return AccessChannel(tx, caller, channel, needed).status();
}

absl::StatusOr<v1::Invite> FindInvite(ReadTx& tx, std::string_view code) {
  auto invite = tx.invites.FindByHash(HashKeySecret(code));
  if (ReasonOf(invite.status()) == v1::ERROR_REASON_INVITE_NOT_FOUND) return InviteInvalid();
  return invite;
}

absl::Status CheckInviteOpen(ReadTx& tx, const v1::Invite& invite, absl::Time now) {
  const bool used_up = invite.max_uses() != 0 && invite.use_count() >= invite.max_uses();
  if (invite.has_revoked_at() || used_up || FromTimestamp(invite.expires_at()) <= now) {
    return InviteInvalid();
  }
  const Caller maker = MakerOf(invite);
  HEIM_ASSIGN_OR_RETURN(const v1::Actor actor, tx.actors.Get(maker.actor_id));
  if (actor.has_deleted_at()) return InviteInvalid();
  return OnlyInvalid(CheckMayInvite(tx, maker, invite.role()));
}

absl::StatusOr<v1::Invite> FindInviteFor(ReadTx& tx, std::string_view code, std::string_view email,
                                         absl::Time now) {
  HEIM_ASSIGN_OR_RETURN(v1::Invite invite, FindInvite(tx, code));
  HEIM_RETURN_IF_ERROR(CheckInviteOpen(tx, invite, now));
  if (!invite.email().empty() && invite.email() != AsciiLower(email)) return InviteInvalid();
  return invite;
}

absl::StatusOr<v1::Workspace> JoinByInvite(WriteTx& tx, const Acting& acting,
                                           const v1::Invite& invite, const v1::Actor& actor) {
  HEIM_RETURN_IF_ERROR(CheckInviteOpen(tx, invite, acting.at));
  HEIM_RETURN_IF_ERROR(CheckEmail(tx, invite, actor));
  HEIM_ASSIGN_OR_RETURN(const bool taken, tx.invites.TakeUse(InviteId(invite.id()), acting.at));
  if (!taken) return InviteInvalid();
  HEIM_ASSIGN_OR_RETURN(v1::Workspace workspace,
                        tx.workspaces.Get(WorkspaceId(invite.workspace_id())));
  HEIM_RETURN_IF_ERROR(JoinWorkspace(tx, acting, workspace, actor, invite.role()));
  const ChannelId joined =
      invite.role() == v1::WORKSPACE_ROLE_GUEST ? ChannelId() : DefaultChannelOf(workspace);
  for (const std::string& id : invite.channel_ids()) {
    const ChannelId channel(id);
    if (channel == joined) continue;
    HEIM_RETURN_IF_ERROR(JoinInvitedChannel(tx, acting, invite, channel));
  }
  return workspace;
}

}  // namespace heim
