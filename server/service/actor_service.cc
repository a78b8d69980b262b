#include "server/service/actor_service.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/directory.h"
#include "server/service/invites.h"
#include "server/service/joining.h"
#include "server/service/profiles.h"

namespace heim {
namespace {

absl::Status CheckCreateRequest(const v1::CreateActorRequest& request, bool anonymous) {
  const bool human = request.type() == v1::ACTOR_TYPE_HUMAN;
  if (!human && (anonymous || request.type() != v1::ACTOR_TYPE_AGENT)) {
    return InvalidField("type", anonymous ? "human" : "human or agent");
  }
  if (!human && !request.email().empty()) return InvalidField("email", "no e-mail for an agent");
  if (!human && !request.password().empty()) {
    return InvalidField("password", "no password for an agent; it has keys");
  }
  const bool given = anonymous || !request.password().empty();
  if (given && Utf8Length(request.password()) < kPasswordMinLength) {
    return InvalidField("password", "at least 8 characters");
  }
  return CheckUsernameFree(request.username());
}

// Where the new actor goes, and as what.
struct Admission {
  v1::Workspace workspace;
  v1::WorkspaceRole role = v1::WORKSPACE_ROLE_UNSPECIFIED;
};

absl::StatusOr<Admission> AdmitStranger(ReadTx& tx, v1::WorkspaceRole asked) {
  auto first = tx.workspaces.First();
  if (ReasonOf(first.status()) == v1::ERROR_REASON_WORKSPACE_NOT_FOUND) {
    return MakeError(v1::ERROR_REASON_REGISTRATION_DISABLED,
                     "The server is not set up yet: use its set-up link");
  }
  Admission admission;
  HEIM_ASSIGN_OR_RETURN(admission.workspace, std::move(first));
  HEIM_ASSIGN_OR_RETURN(admission.role, GrantedRole(asked, v1::WORKSPACE_ROLE_MEMBER));
  return admission;
}

absl::StatusOr<Admission> AdmitBy(ReadTx& tx, const Caller& caller,
                                  const v1::CreateActorRequest& request) {
  const Permission permission =
      request.type() == v1::ACTOR_TYPE_AGENT ? Permission::kCreateAgent : Permission::kCreateHuman;
  HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole own, CheckWorkspaceRole(tx, caller, permission));
  Admission admission;
  HEIM_ASSIGN_OR_RETURN(admission.role, GrantedRole(request.role(), own));
  HEIM_ASSIGN_OR_RETURN(admission.workspace, tx.workspaces.Get(caller.workspace_id));
  return admission;
}

}  // namespace

absl::Status ActorService::CheckAdmission(const Caller& caller,
                                          const v1::CreateActorRequest& request) {
  const bool anonymous = !caller.authenticated();
  const bool invited = !request.invite_code().empty();
  if (anonymous && !options_.open_registration && !(invited && options_.by_invite)) {
    return MakeError(v1::ERROR_REASON_REGISTRATION_DISABLED,
                     options_.by_invite ? "Sign-up is by invite; ask a member for one"
                                        : "Sign-up is closed; ask an admin for an account");
  }
  if (!anonymous && invited) {
    return InvalidField("invite_code", "none, as the caller is logged in: AcceptInvite takes it");
  }
  HEIM_RETURN_IF_ERROR(CheckCreateRequest(request, anonymous));
  if (anonymous && !invited) return absl::OkStatus();
  return store_.Read([&](ReadTx& tx) -> absl::Status {
    if (!invited) return AdmitBy(tx, caller, request).status();
    return FindInviteFor(tx, request.invite_code(), request.email(), clock_.Now()).status();
  });
}

void ActorService::CreateActor(CallContext& context, const v1::CreateActorRequest& request,
                               Reply<v1::CreateActorResponse> reply) {
  const Caller& caller = context.caller;
  const bool anonymous = !caller.authenticated();
  if (absl::Status status = CheckAdmission(caller, request); !status.ok()) {
    return reply(std::move(status));
  }
  std::string hash;
  if (!request.password().empty()) {
    auto hashed = tools_.passwords.Hash(request.password());
    if (!hashed.ok()) return reply(hashed.status());
    hash = *std::move(hashed);
  }
  const ActorId id(ids_.NewId());
  const Acting acting{anonymous ? id : caller.actor_id, clock_.Now()};
  v1::Actor actor =
      NewActor(id, request.type(), request.username(), request.display_name(), acting.at);
  if (actor.has_agent()) actor.mutable_agent()->set_owner_id(caller.actor_id.str());
  const KeyId password_id(ids_.NewId());
  CommitReply<v1::CreateActorResponse>(
      store_, context, std::move(reply),
      [=, &context, &request](WriteTx& tx, v1::CreateActorResponse* response) -> absl::Status {
        HEIM_RETURN_IF_ERROR(tx.actors.Insert(actor, AsciiLower(request.email())));
        if (!hash.empty()) {
          HEIM_RETURN_IF_ERROR(tx.credentials.SetPassword(id, password_id, hash, acting.at));
        }
        *response->mutable_actor() = actor;
        if (anonymous) tx.note.by = id;
        if (!request.invite_code().empty()) {
          HEIM_ASSIGN_OR_RETURN(const v1::Invite invite, FindInvite(tx, request.invite_code()));
          return JoinByInvite(tx, acting, invite, actor).status();
        }
        HEIM_ASSIGN_OR_RETURN(
            const Admission admission,
            anonymous ? AdmitStranger(tx, request.role()) : AdmitBy(tx, context.caller, request));
        return JoinWorkspace(tx, acting, admission.workspace, actor, admission.role);
      });
}

void ActorService::GetActor(CallContext& context, const v1::GetActorRequest& request,
                            Reply<v1::GetActorResponse> reply) {
  v1::GetActorResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    const ActorId id = ResolveMe(context.caller, request.actor_id());
    if (id != context.caller.actor_id) {
      HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadPresence));
    }
    HEIM_ASSIGN_OR_RETURN(*response.mutable_actor(), AccessActor(tx, context.caller, id));
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  ShowPresence(tools_.presence, response.mutable_actor());
  reply(std::move(response));
}

void ActorService::ListActors(CallContext& context, const v1::ListActorsRequest& request,
                              Reply<v1::ListActorsResponse> reply) {
  DirectoryQuery query;
  query.filter.q = request.q();
  query.filter.type = request.type();
  query.filter.capability = request.capability();
  query.filter.framework = request.framework();
  if (!request.owner_id().empty()) {
    query.filter.owner = ResolveMe(context.caller, request.owner_id());
  }
  query.filter.include_deactivated = request.include_deactivated();
  query.limit = request.limit();
  query.cursor = request.cursor();
  auto page = ListDirectory(store_, context.caller, std::move(query));
  if (!page.ok()) return reply(page.status());
  v1::ListActorsResponse response;
  for (v1::Actor& actor : page->actors) {
    ShowPresence(tools_.presence, &actor);
    *response.add_actors() = std::move(actor);
  }
  response.set_has_more(!page->next_cursor.empty());
  response.set_next_cursor(std::move(page->next_cursor));
  reply(std::move(response));
}

}  // namespace heim
