#include "server/service/invite_service.h"

#include <string_view>
#include <utility>
#include <vector>

#include "server/auth/key_secret.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/invites.h"

namespace heim {
namespace {

// The shown ones leave more than 128 bits.
constexpr size_t kCodeChars = 26;
constexpr size_t kShownChars = 4;

absl::StatusOr<absl::Time> ExpiryOf(const v1::CreateInviteRequest& request, absl::Time now) {
  if (!request.has_expires_at()) return now + kInviteLifetimeDefault;
  const absl::Time at = FromTimestamp(request.expires_at());
  if (at <= now || at > now + kInviteLifetimeMax) {
    return InvalidField("expires_at", "a time in the future, at most a year ahead");
  }
  return at;
}

// The invite as it is asked for, but for its id and workspace.
absl::StatusOr<v1::Invite> InviteOf(const v1::CreateInviteRequest& request, const Caller& caller,
                                    absl::Time now) {
  v1::Invite invite;
  invite.set_role(request.role() == v1::WORKSPACE_ROLE_UNSPECIFIED ? v1::WORKSPACE_ROLE_MEMBER
                                                                   : request.role());
  for (const std::string& id : request.channel_ids()) {
    bool known = false;
    for (const std::string& other : invite.channel_ids()) known = known || other == id;
    if (!known) invite.add_channel_ids(id);
  }
  if (invite.role() == v1::WORKSPACE_ROLE_GUEST && invite.channel_ids().empty()) {
    return InvalidField("channel_ids", "at least one channel: guests are in no other");
  }
  HEIM_ASSIGN_OR_RETURN(const absl::Time expires_at, ExpiryOf(request, now));
  invite.set_max_uses(request.max_uses());
  *invite.mutable_expires_at() = ToTimestamp(expires_at);
  invite.set_email(AsciiLower(request.email()));
  invite.set_note(StripUnsafeControls(request.note()));
  invite.set_created_by(caller.actor_id.str());
  *invite.mutable_created_at() = ToTimestamp(now);
  return invite;
}

absl::Status CheckRoom(ReadTx& tx, const WorkspaceId& workspace, absl::Time now) {
  HEIM_ASSIGN_OR_RETURN(const int64_t open, tx.invites.CountOpen(workspace, now));
  if (open < kOpenInvitesMax) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_LIMIT_REACHED,
                   StrCat("A workspace has at most ", kOpenInvitesMax,
                          " invites that can be used; revoke one first"));
}

}  // namespace

void InviteService::CreateInvite(CallContext& context, const v1::CreateInviteRequest& request,
                                 Reply<v1::CreateInviteResponse> reply) {
  if (context.caller.actor.type() != v1::ACTOR_TYPE_HUMAN) {
    return reply(MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "Invites are made by people"));
  }
  const absl::Time now = clock_.Now();
  auto wanted = InviteOf(request, context.caller, now);
  if (!wanted.ok()) return reply(wanted.status());
  const std::string code = RandomBase62(entropy_, kCodeChars);
  wanted->set_id(ids_.NewId());
  wanted->set_code_prefix(code.substr(0, kShownChars));
  CommitReply<v1::CreateInviteResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, now, code, wanted = *std::move(wanted)](
          WriteTx& tx, v1::CreateInviteResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const Caller inside,
                              EnterWorkspace(tx, context.caller, request.workspace_id()));
        HEIM_RETURN_IF_ERROR(CheckMayInvite(tx, inside, wanted.role()));
        for (const std::string& channel : wanted.channel_ids()) {
          HEIM_RETURN_IF_ERROR(CheckInviteChannel(tx, inside, ChannelId(channel), wanted.role()));
        }
        HEIM_RETURN_IF_ERROR(CheckRoom(tx, inside.workspace_id, now));
        v1::Invite& invite = *response->mutable_invite();
        invite = wanted;
        invite.set_workspace_id(inside.workspace_id.str());
        tx.note.workspaces = {inside.workspace_id};
        HEIM_RETURN_IF_ERROR(tx.invites.Insert(invite, HashKeySecret(code)));
        response->set_code(code);
        response->set_url(StrCat(options_.public_url, "/invite/", code));
        return absl::OkStatus();
      },
      [](const v1::CreateInviteResponse& response) {
        LogInfo("An invite was made", {{"invite", response.invite().id()},
                                       {"by", response.invite().created_by()},
                                       {"role", RoleName(response.invite().role())}});
      });
}

void InviteService::ListInvites(CallContext& context, const v1::ListInvitesRequest& request,
                                Reply<v1::ListInvitesResponse> reply) {
  v1::ListInvitesResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const Caller inside,
                          EnterWorkspace(tx, context.caller, request.workspace_id()));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    InviteFilter filter;
    filter.include_ended = request.include_ended();
    filter.now = clock_.Now();
    filter.limit = limit + 1;
    if (!CheckWorkspace(tx, inside, Permission::kManageInvites).ok()) {
      HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, inside, Permission::kReadDirectory));
      filter.created_by = inside.actor_id;
    }
    const std::string text = StrCat(inside.workspace_id.str(), "/", filter.include_ended);
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(filter.before_id, DecodeCursor(request.cursor(), text));
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::Invite> invites,
                          tx.invites.ListOf(inside.workspace_id, filter));
    if (invites.size() > limit) {
      invites.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(text, invites.back().id()));
    }
    for (v1::Invite& invite : invites) *response.add_invites() = std::move(invite);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void InviteService::RevokeInvite(CallContext& context, const v1::RevokeInviteRequest& request,
                                 Reply<v1::RevokeInviteResponse> reply) {
  CommitReply<v1::RevokeInviteResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::RevokeInviteResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const Caller inside,
                              EnterWorkspace(tx, context.caller, request.workspace_id()));
        if (!IsUuid(request.invite_id())) return InviteNotFound();
        const InviteId id(request.invite_id());
        v1::Invite& invite = *response->mutable_invite();
        HEIM_ASSIGN_OR_RETURN(invite, tx.invites.Get(id));
        if (invite.workspace_id() != inside.workspace_id.str()) return InviteNotFound();
        if (invite.created_by() != inside.actor_id.str()) {
          const absl::Status managed = CheckWorkspace(tx, inside, Permission::kManageInvites);
          // To who may not manage them, others' invites are not listed.
          if (ReasonOf(managed) == v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED)
            return InviteNotFound();
          HEIM_RETURN_IF_ERROR(managed);
        }
        tx.note.workspaces = {inside.workspace_id};
        tx.note.Before(invite);
        if (invite.has_revoked_at()) return absl::OkStatus();
        const absl::Time now = clock_.Now();
        HEIM_RETURN_IF_ERROR(tx.invites.Revoke(id, now).status());
        *invite.mutable_revoked_at() = ToTimestamp(now);
        return absl::OkStatus();
      },
      [&context](const v1::RevokeInviteResponse& response) {
        LogInfo("An invite was revoked",
                {{"invite", response.invite().id()}, {"by", context.caller.actor_id.str()}});
      });
}

void InviteService::GetInvite(CallContext&, const v1::GetInviteRequest& request,
                              Reply<v1::GetInviteResponse> reply) {
  v1::GetInviteResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const v1::Invite invite, FindInvite(tx, request.code()));
    HEIM_RETURN_IF_ERROR(CheckInviteOpen(tx, invite, clock_.Now()));
    HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace,
                          tx.workspaces.Get(WorkspaceId(invite.workspace_id())));
    response.set_workspace_name(workspace.name());
    response.set_role(invite.role());
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void InviteService::AcceptInvite(CallContext& context, const v1::AcceptInviteRequest& request,
                                 Reply<v1::AcceptInviteResponse> reply) {
  if (!context.caller.is_session()) {
    return reply(MakeError(v1::ERROR_REASON_PERMISSION_DENIED,
                           "An invite is accepted by a person that is logged in, not by a key"));
  }
  CommitReply<v1::AcceptInviteResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::AcceptInviteResponse* response) -> absl::Status {
        const Acting acting{context.caller.actor_id, clock_.Now()};
        HEIM_ASSIGN_OR_RETURN(const v1::Invite invite, FindInvite(tx, request.code()));
        const WorkspaceId workspace(invite.workspace_id());
        auto member = tx.workspaces.GetMember(workspace, acting.by);
        tx.note.workspaces = {workspace};
        tx.note.Subject("invite", invite.id());
        tx.note.nothing = member.ok();
        if (ReasonOf(member.status()) == v1::ERROR_REASON_MEMBER_NOT_FOUND) {
          HEIM_ASSIGN_OR_RETURN(const v1::Actor actor, tx.actors.Get(acting.by));
          if (actor.has_deleted_at()) return InviteInvalid();
          HEIM_RETURN_IF_ERROR(JoinByInvite(tx, acting, invite, actor).status());
          member = tx.workspaces.GetMember(workspace, acting.by);
          response->set_joined(true);
        }
        HEIM_ASSIGN_OR_RETURN(*response->mutable_member(), std::move(member));
        HEIM_ASSIGN_OR_RETURN(*response->mutable_workspace(), tx.workspaces.Get(workspace));
        return absl::OkStatus();
      },
      [this, &context](const v1::AcceptInviteResponse&) {
        authenticator_.DropActor(context.caller.actor_id);
      });
}

}  // namespace heim
