#include "server/service/auth_service.h"

#include <optional>
#include <utility>

#include "server/auth/auth_errors.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/time.h"
#include "server/service/commit_reply.h"
#include "server/service/joining.h"

namespace heim {
namespace {

constexpr size_t kUserAgentMaxBytes = 256;
constexpr std::string_view kSetupAccount = "set-up";

struct Account {
  std::optional<v1::Actor> actor;  // unset: there is none that could log in
  std::string password_hash;
};

absl::Status InvalidCredentials() {
  return MakeError(v1::ERROR_REASON_INVALID_CREDENTIALS, "Account and password do not match");
}

// Finds the account that a log-in names. What is missing is left empty, not an error.
absl::StatusOr<Account> FindAccount(Store& store, const v1::LoginRequest& request) {
  Account account;
  HEIM_RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
    auto actor = request.email().empty() ? tx.actors.GetByUsername(AsciiLower(request.username()))
                                         : tx.actors.GetByEmail(AsciiLower(request.email()));
    if (ReasonOf(actor.status()) == v1::ERROR_REASON_ACTOR_NOT_FOUND) return absl::OkStatus();
    if (!actor.ok()) return actor.status();
    if (actor->type() != v1::ACTOR_TYPE_HUMAN || actor->has_deleted_at()) return absl::OkStatus();
    auto hash = tx.credentials.PasswordHashOf(ActorId(actor->id()));
    if (ReasonOf(hash.status()) == v1::ERROR_REASON_KEY_NOT_FOUND) return absl::OkStatus();
    if (!hash.ok()) return hash.status();
    account.actor = *std::move(actor);
    account.password_hash = *std::move(hash);
    return absl::OkStatus();
  }));
  return account;
}

absl::Status SetupTokenInvalid() {
  return MakeError(v1::ERROR_REASON_SETUP_TOKEN_INVALID, "The set-up token is wrong or was used");
}

absl::Status RequireSession(const Caller& caller) {
  if (caller.is_session()) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "Only a log-in has a session; keys do not");
}

}  // namespace

AuthService::NewSession AuthService::MakeSession(const CallContext& context, const ActorId& actor) {
  const absl::Time now = clock_.Now();
  NewSession session;
  session.row.id = SessionId(ids_.NewId());
  session.row.actor_id = actor;
  session.row.created_at = now;
  session.row.last_seen_at = now;
  session.row.expires_at = now + options_.session_for;
  session.row.user_agent = std::string(Utf8Prefix(context.user_agent, kUserAgentMaxBytes));
  session.row.address = context.address;
  NameSession(session);
  return session;
}

// Two tokens for one session: the answer's expires within hours, the cookie's with the session.
void AuthService::NameSession(NewSession& session) {
  const absl::Time now = clock_.Now();
  session.token_expires_at = now + options_.token_for;
  session.token =
      tools_.tokens.Sign({session.row.actor_id, session.row.id, now, session.token_expires_at});
  session.cookie.token =
      tools_.tokens.Sign({session.row.actor_id, session.row.id, now, session.row.expires_at});
  session.cookie.max_age = session.row.expires_at - now;
}

void AuthService::Login(CallContext& context, const v1::LoginRequest& request,
                        Reply<v1::LoginResponse> reply) {
  if (request.email().empty() == request.username().empty()) {
    return reply(InvalidField("username", "either username or email"));
  }
  absl::StatusOr<Account> account = FindAccount(store_, request);
  if (!account.ok()) return reply(account.status());
  // One count for an account, by whatever name it is called.
  const std::string name =
      account->actor.has_value()
          ? StrCat("id:", account->actor->id())
          : StrCat("name:", request.email().empty() ? request.username() : request.email());
  if (absl::Status status = tools_.throttle.Begin(name, context.address); !status.ok()) {
    return reply(std::move(status));
  }
  const auto verdict = tools_.passwords.Verify(account->password_hash, request.password());
  if (!verdict.ok()) return reply(verdict.status());
  if (!verdict->matches) return reply(InvalidCredentials());
  tools_.throttle.Succeeded(name, context.address);

  std::string better_hash;
  if (verdict->needs_rehash) {
    better_hash = tools_.passwords.Hash(request.password()).value_or("");
  }
  const ActorId actor(account->actor->id());
  auto session = std::make_shared<const NewSession>(MakeSession(context, actor));
  const KeyId password_id(ids_.NewId());
  CommitReply<v1::LoginResponse>(
      store_, context, std::move(reply),
      [=](WriteTx& tx, v1::LoginResponse* response) -> absl::Status {
        // Deactivation and a log-in under way: whoever commits first wins.
        HEIM_ASSIGN_OR_RETURN(*response->mutable_actor(), tx.actors.Get(actor));
        if (response->actor().has_deleted_at()) return InvalidCredentials();
        HEIM_RETURN_IF_ERROR(tx.sessions.Insert(session->row));
        if (!better_hash.empty()) {
          HEIM_RETURN_IF_ERROR(
              tx.credentials.SetPassword(actor, password_id, better_hash, session->row.created_at));
        }
        response->set_token(session->token);
        *response->mutable_expires_at() = ToTimestamp(session->token_expires_at);
        return absl::OkStatus();
      },
      [&context, session](const v1::LoginResponse&) { context.cookie = session->cookie; });
}

void AuthService::Register(CallContext& context, const v1::RegisterRequest& request,
                           Reply<v1::RegisterResponse> reply) {
  const bool setup = !request.setup_token().empty();
  if (setup) {
    if (absl::Status status = tools_.throttle.Begin(kSetupAccount, context.address); !status.ok()) {
      return reply(std::move(status));
    }
    if (!tools_.setup_token.Matches(request.setup_token())) {
      return reply(SetupTokenInvalid());
    }
    tools_.throttle.Succeeded(kSetupAccount, context.address);
  } else if (!options_.open_registration) {
    return reply(MakeError(v1::ERROR_REASON_REGISTRATION_DISABLED,
                           "Sign-up is closed; ask an admin for an account"));
  }
  if (absl::Status status = CheckUsernameFree(request.username()); !status.ok()) {
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
        if (setup) {
          HEIM_ASSIGN_OR_RETURN(const int64_t humans, tx.actors.CountHumans());
          if (humans > 1) return SetupTokenInvalid();
          HEIM_ASSIGN_OR_RETURN(*response->mutable_workspace(),
                                FoundWorkspace(tx, acting, founded, actor));
        } else {
          auto first = tx.workspaces.First();
          if (ReasonOf(first.status()) == v1::ERROR_REASON_WORKSPACE_NOT_FOUND) {
            return MakeError(v1::ERROR_REASON_REGISTRATION_DISABLED,
                             "The server is not set up yet: use its set-up link");
          }
          if (!first.ok()) return first.status();
          HEIM_RETURN_IF_ERROR(JoinWorkspace(tx, acting, *first, actor, v1::WORKSPACE_ROLE_MEMBER));
          *response->mutable_workspace() = *std::move(first);
        }
        HEIM_RETURN_IF_ERROR(tx.sessions.Insert(session->row));
        *response->mutable_actor() = actor;
        response->set_token(session->token);
        *response->mutable_expires_at() = ToTimestamp(session->token_expires_at);
        return absl::OkStatus();
      },
      [this, &context, session, setup](const v1::RegisterResponse&) {
        if (setup) tools_.setup_token.Spend();
        context.cookie = session->cookie;
      });
}

void AuthService::Refresh(CallContext& context, const v1::RefreshRequest&,
                          Reply<v1::RefreshResponse> reply) {
  if (absl::Status status = RequireSession(context.caller); !status.ok()) {
    return reply(std::move(status));
  }
  auto session = std::make_shared<NewSession>();
  CommitReply<v1::RefreshResponse>(
      store_, context, std::move(reply),
      [this, &context, session](WriteTx& tx, v1::RefreshResponse* response) -> absl::Status {
        const absl::Time now = clock_.Now();
        HEIM_ASSIGN_OR_RETURN(session->row,
                              tx.sessions.Get(SessionId(context.caller.credential_id)));
        if (session->row.revoked_at.has_value()) return TokenRevoked();
        if (session->row.expires_at <= now) return TokenExpired();
        session->row.expires_at = now + options_.session_for;
        HEIM_RETURN_IF_ERROR(tx.sessions.Extend(session->row.id, now, session->row.expires_at));
        NameSession(*session);
        response->set_token(session->token);
        *response->mutable_expires_at() = ToTimestamp(session->token_expires_at);
        return absl::OkStatus();
      },
      [&context, session](const v1::RefreshResponse&) { context.cookie = session->cookie; });
}

void AuthService::Logout(CallContext& context, const v1::LogoutRequest&,
                         Reply<v1::LogoutResponse> reply) {
  if (absl::Status status = RequireSession(context.caller); !status.ok()) {
    return reply(std::move(status));
  }
  CommitReply<v1::LogoutResponse>(
      store_, context, std::move(reply),
      [this, &context](WriteTx& tx, v1::LogoutResponse*) -> absl::Status {
        return tx.sessions.Revoke(SessionId(context.caller.credential_id), clock_.Now()).status();
      },
      [this, &context](const v1::LogoutResponse&) {
        tools_.authenticator.DropCredential(context.caller.credential_id);
        hub_.EndCredential(context.caller.credential_id, "credential_revoked");
        context.cookie = SessionCookie{};
      });
}

void AuthService::GetSession(CallContext& context, const v1::GetSessionRequest&,
                             Reply<v1::GetSessionResponse> reply) {
  const Caller& caller = context.caller;
  v1::GetSessionResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(*response.mutable_actor(), tx.actors.Get(caller.actor_id));
    if (caller.workspace_id.empty()) return absl::OkStatus();
    HEIM_ASSIGN_OR_RETURN(*response.mutable_workspace(), tx.workspaces.Get(caller.workspace_id));
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  response.set_role(caller.workspace_role);
  response.set_credential_type(caller.credential_type);
  for (const std::string& scope : caller.scopes) response.add_scopes(scope);
  if (caller.expires_at != absl::InfiniteFuture()) {
    *response.mutable_expires_at() = ToTimestamp(caller.expires_at);
  }
  reply(std::move(response));
}

void AuthService::CreateTicket(CallContext& context, const v1::CreateTicketRequest&,
                               Reply<v1::CreateTicketResponse> reply) {
  auto ticket = tools_.authenticator.MakeTicket(context.caller);
  if (!ticket.ok()) return reply(ticket.status());
  v1::CreateTicketResponse response;
  response.set_ticket(ticket->ticket);
  *response.mutable_expires_at() = ToTimestamp(ticket->expires_at);
  reply(std::move(response));
}

}  // namespace heim
