// The part of AuthService that is about signing up.
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "server/base/status_macros.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/time.h"
#include "server/service/auth_service.h"
#include "server/service/commit_reply.h"
#include "server/service/invites.h"
#include "server/service/joining.h"

namespace heim {
namespace {

constexpr std::string_view kSetupAccount = "set-up";

absl::Status SetupTokenInvalid() {
  return MakeError(v1::ERROR_REASON_SETUP_TOKEN_INVALID, "The set-up token is wrong or was used");
}

// The workspace that the new account, whose row is there, makes or joins.
absl::StatusOr<v1::Workspace> Admit(WriteTx& tx, const Acting& acting,
                                    const v1::RegisterRequest& request, const NewWorkspace& founded,
                                    const v1::Actor& actor) {
  if (!request.setup_token().empty()) {
    HEIM_ASSIGN_OR_RETURN(const int64_t humans, tx.actors.CountHumans());
    if (humans > 1) return SetupTokenInvalid();
    return FoundWorkspace(tx, acting, founded, actor);
  }
  if (!request.invite_code().empty()) {
    HEIM_ASSIGN_OR_RETURN(const v1::Invite invite, FindInvite(tx, request.invite_code()));
    return JoinByInvite(tx, acting, invite, actor);
  }
  auto first = tx.workspaces.First();
  if (ReasonOf(first.status()) == v1::ERROR_REASON_WORKSPACE_NOT_FOUND) {
    return MakeError(v1::ERROR_REASON_REGISTRATION_DISABLED,
                     "The server is not set up yet: use its set-up link");
  }
  if (!first.ok()) return first.status();
  HEIM_RETURN_IF_ERROR(JoinWorkspace(tx, acting, *first, actor, v1::WORKSPACE_ROLE_MEMBER));
  return first;
}

}  // namespace

absl::Status AuthService::CheckSignUp(const CallContext& context,
                                      const v1::RegisterRequest& request) {
  if (!request.setup_token().empty()) {
    HEIM_RETURN_IF_ERROR(tools_.throttle.Begin(kSetupAccount, context.address));
    if (!tools_.setup_token.Matches(request.setup_token())) return SetupTokenInvalid();
    tools_.throttle.Succeeded(kSetupAccount, context.address);
  } else if (!request.invite_code().empty() && options_.by_invite) {
    HEIM_RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
      return FindInviteFor(tx, request.invite_code(), request.email(), clock_.Now()).status();
    }));
  } else if (!options_.open_registration) {
    return MakeError(v1::ERROR_REASON_REGISTRATION_DISABLED,
                     options_.by_invite ? "Sign-up is by invite; ask a member for one"
                                        : "Sign-up is closed; ask an admin for an account");
  }
  return CheckUsernameFree(request.username());
}

void AuthService::Register(CallContext& context, const v1::RegisterRequest& request,
                           Reply<v1::RegisterResponse> reply) {
  if (absl::Status status = CheckSignUp(context, request); !status.ok()) {
    return reply(std::move(status));
  }
  auto hash = tools_.passwords.Hash(request.password());
  if (!hash.ok()) return reply(hash.status());

  const ActorId id(ids_.NewId());
  const Acting acting{id, clock_.Now()};
  const v1::Actor actor =
      NewActor(id, v1::ACTOR_TYPE_HUMAN, request.username(), request.display_name(), acting.at);
  const std::string name = request.workspace_name().empty() ? "Heim" : request.workspace_name();
  const NewWorkspace founded{name, SlugOf(name), WorkspaceId(ids_.NewId()), ChannelId(ids_.NewId()),
                             ids_.NewId()};
  const KeyId password_id(ids_.NewId());
  auto session = std::make_shared<const NewSession>(MakeSession(context, id));
  CommitReply<v1::RegisterResponse>(
      store_, context, std::move(reply),
      [=, &request, hash = *std::move(hash)](WriteTx& tx,
                                             v1::RegisterResponse* response) -> absl::Status {
        HEIM_RETURN_IF_ERROR(tx.actors.Insert(actor, AsciiLower(request.email())));
        HEIM_RETURN_IF_ERROR(tx.credentials.SetPassword(id, password_id, hash, acting.at));
        HEIM_ASSIGN_OR_RETURN(*response->mutable_workspace(),
                              Admit(tx, acting, request, founded, actor));
        HEIM_RETURN_IF_ERROR(tx.sessions.Insert(session->row));
        *response->mutable_actor() = actor;
        tx.note.by = id;
        tx.note.workspaces = {WorkspaceId(response->workspace().id())};
        tx.note.Subject("actor", id.str());
        response->set_token(session->token);
        *response->mutable_expires_at() = ToTimestamp(session->token_expires_at);
        return absl::OkStatus();
      },
      [this, &context, &request, session](const v1::RegisterResponse&) {
        if (!request.setup_token().empty()) tools_.setup_token.Spend();
        context.cookie = session->cookie;
      });
}

}  // namespace heim
