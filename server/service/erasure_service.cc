#include "server/service/erasure_service.h"

#include <string>
#include <vector>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/model/erased_actor.h"
#include "server/model/errors.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/auth_checks.h"
#include "server/service/commit_reply.h"
#include "server/service/joining.h"
#include "server/service/profile_change.h"

namespace heim {

struct ErasureService::Cut {
  bool begun = false;
  std::vector<ActorId> resting;  // agents of the erased
};

namespace {

// An account is one for all workspaces: who erases it must own each of them.
absl::Status CheckOwns(ReadTx& tx, const Caller& caller, const ActorId& target) {
  HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kEraseActor));
  HEIM_ASSIGN_OR_RETURN(const std::vector<WorkspaceId> workspaces, tx.actors.WorkspacesOf(target));
  for (const WorkspaceId& workspace : workspaces) {
    const auto own = tx.workspaces.GetMember(workspace, caller.actor_id);
    if (own.ok() && own->role() == v1::WORKSPACE_ROLE_OWNER) continue;
    return MakeError(v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED,
                     "The account is also a member of a workspace that the caller does not own: "
                     "remove it from this one, or have the person erase it");
  }
  return absl::OkStatus();
}

// Whoever the caller may know of, and for owners who left this workspace for none: what it left is
// still here.
absl::StatusOr<v1::Actor> AccessErasable(ReadTx& tx, const Caller& caller, const ActorId& id) {
  auto known = AccessActor(tx, caller, id);
  if (ReasonOf(known.status()) != v1::ERROR_REASON_ACTOR_NOT_FOUND) return known;
  if (!CheckWorkspace(tx, caller, Permission::kEraseActor).ok()) return known;
  HEIM_ASSIGN_OR_RETURN(const auto was_in, tx.members.Intervals(caller.workspace_id, id));
  HEIM_ASSIGN_OR_RETURN(const std::vector<WorkspaceId> is_in, tx.actors.WorkspacesOf(id));
  if (was_in.empty() || !is_in.empty()) return known;
  return tx.actors.Get(id);
}

absl::Status CheckTarget(ReadTx& tx, const Caller& caller, const v1::EraseActorRequest& request,
                         const v1::Actor& actor) {
  const ActorId id(actor.id());
  if (id != caller.actor_id) HEIM_RETURN_IF_ERROR(CheckOwns(tx, caller, id));
  if (actor.type() == v1::ACTOR_TYPE_SYSTEM) {
    return MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "The system cannot be erased");
  }
  if (request.confirm() != actor.username()) {
    return MakeError(v1::ERROR_REASON_CONFIRMATION_REQUIRED,
                     "This cannot be undone: give the actor's username in `confirm`");
  }
  HEIM_ASSIGN_OR_RETURN(const std::vector<WorkspaceId> workspaces, tx.actors.WorkspacesOf(id));
  // Who is deactivated owns nothing any more.
  for (const WorkspaceId& workspace : workspaces) {
    if (!actor.has_deleted_at()) HEIM_RETURN_IF_ERROR(CheckNotLastOwner(tx, workspace, id));
  }
  return absl::OkStatus();
}

// Closes the account and takes its name: after this commit nobody is told who it was.
absl::Status Begin(WriteTx& tx, const Acting& acting, const v1::Actor& before, ErasureRow* row) {
  v1::Actor erased = ErasedActor(before, row->erasure.id(), acting.at);
  HEIM_ASSIGN_OR_RETURN(row->email, tx.erasures.TakeEmail(row->actor_id()));
  HEIM_RETURN_IF_ERROR(SaveActor(tx, acting, &erased));
  HEIM_RETURN_IF_ERROR(tx.erasures.EraseIdentity(row));
  // Nothing is sent any more in its name.
  HEIM_RETURN_IF_ERROR(tx.scheduled_messages.EraseOf(row->actor_id()));
  return tx.erasures.Insert(*row);
}

ErasureRow NewErasure(const Caller& caller, const v1::EraseActorRequest& request,
                      const std::string& id, absl::Time now) {
  ErasureRow row;
  row.workspace_id = caller.workspace_id;
  row.erasure.set_id(id);
  row.erasure.set_actor_id(ResolveMe(caller, request.actor_id()).str());
  row.erasure.set_requested_by(caller.actor_id.str());
  row.erasure.set_messages(request.messages() == v1::ERASED_MESSAGES_UNSPECIFIED
                               ? v1::ERASED_MESSAGES_DELETE
                               : request.messages());
  row.erasure.set_state(v1::ERASURE_STATE_RUNNING);
  *row.erasure.mutable_created_at() = ToTimestamp(now);
  return row;
}

}  // namespace

absl::Status ErasureService::CheckPassword(const CallContext& context,
                                           const v1::EraseActorRequest& request) {
  const ActorId& actor = context.caller.actor_id;
  HEIM_RETURN_IF_ERROR(RequireSession(context.caller));
  PasswordRow current;
  HEIM_RETURN_IF_ERROR(deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    auto password = tx.credentials.PasswordOf(actor);
    if (ReasonOf(password.status()) == v1::ERROR_REASON_KEY_NOT_FOUND) return absl::OkStatus();
    HEIM_ASSIGN_OR_RETURN(current, std::move(password));
    return absl::OkStatus();
  }));
  const std::string name = ThrottleNameOf(actor);
  HEIM_RETURN_IF_ERROR(deps_.throttle.Begin(name, context.address));
  HEIM_ASSIGN_OR_RETURN(const Passwords::Verdict verdict,
                        deps_.passwords.Verify(current.hash, request.password()));
  if (!verdict.matches) return InvalidCredentials();
  deps_.throttle.Succeeded(name, context.address);
  return absl::OkStatus();
}

void ErasureService::EraseActor(CallContext& context, const v1::EraseActorRequest& request,
                                Reply<v1::EraseActorResponse> reply) {
  const Caller& caller = context.caller;
  const ActorId target = ResolveMe(caller, request.actor_id());
  if (caller.actor.type() != v1::ACTOR_TYPE_HUMAN) {
    return reply(MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "Only people erase accounts"));
  }
  if (target == caller.actor_id) {
    if (absl::Status status = CheckPassword(context, request); !status.ok()) {
      return reply(std::move(status));
    }
  }
  auto cut = std::make_shared<Cut>();
  const ErasureRow fresh = NewErasure(caller, request, deps_.ids.NewId(), deps_.clock.Now());
  CommitReply<v1::EraseActorResponse>(
      deps_.store, context, std::move(reply),
      [this, &context, &request, target, cut, fresh](
          WriteTx& tx, v1::EraseActorResponse* response) -> absl::Status {
        *cut = Cut();
        HEIM_ASSIGN_OR_RETURN(const v1::Actor before, AccessErasable(tx, context.caller, target));
        tx.note.bare = true;
        tx.note.Subject("actor", target.str());
        HEIM_ASSIGN_OR_RETURN(const std::optional<ErasureRow> known, tx.erasures.OfActor(target));
        if (known.has_value()) {
          HEIM_RETURN_IF_ERROR(CheckOwns(tx, context.caller, target));
          tx.note.nothing = true;
          *response->mutable_erasure() = known->erasure;
          return absl::OkStatus();
        }
        HEIM_RETURN_IF_ERROR(CheckTarget(tx, context.caller, request, before));
        ErasureRow row = fresh;
        HEIM_RETURN_IF_ERROR(Begin(tx, {context.caller.actor_id, deps_.clock.Now()}, before, &row));
        HEIM_ASSIGN_OR_RETURN(const v1::Actor erased, tx.actors.Get(target));
        HEIM_ASSIGN_OR_RETURN(cut->resting, RefreshPauses(tx, erased));
        cut->begun = true;
        *response->mutable_erasure() = std::move(row.erasure);
        return absl::OkStatus();
      },
      [this, &context, target, cut](const v1::EraseActorResponse& response) {
        if (!cut->begun) return;
        LogInfo("An actor is being erased", {{"actor", target.str()},
                                             {"by", context.caller.actor_id.str()},
                                             {"erasure", response.erasure().id()}});
        if (target == context.caller.actor_id) context.cookie = SessionCookie{};
        Close(context.caller, target, *cut);
        if (on_erase_) on_erase_();
      });
}

void ErasureService::Close(const Caller& caller, const ActorId& erased, const Cut& cut) {
  deps_.presence.Set(caller.workspace_id, erased, v1::PRESENCE_OFFLINE, "");
  const auto close = [this](const ActorId& actor, std::string_view reason) {
    deps_.authenticator.DropActor(actor);
    deps_.hub.EndActor(actor, reason);
    deps_.streams.StopStreamsBy(actor, "stopped_by_admin");
  };
  close(erased, "actor_deactivated");
  // The authenticator refuses their keys as long as their owner is gone.
  for (const ActorId& agent : cut.resting) close(agent, "credential_revoked");
}

void ErasureService::GetErasure(CallContext& context, const v1::GetErasureRequest& request,
                                Reply<v1::GetErasureResponse> reply) {
  v1::GetErasureResponse response;
  const absl::Status status = deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kEraseActor));
    HEIM_ASSIGN_OR_RETURN(ErasureRow row, tx.erasures.Get(request.erasure_id()));
    if (row.workspace_id != context.caller.workspace_id) return ActorNotFound();
    *response.mutable_erasure() = std::move(row.erasure);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

}  // namespace heim
