#include "server/service/auth_service.h"

#include <optional>
#include <utility>

#include "server/auth/auth_errors.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/time.h"
#include "server/service/audit.h"
#include "server/service/auth_checks.h"
#include "server/service/commit_reply.h"

namespace heim {
namespace {

constexpr size_t kUserAgentMaxBytes = 256;

struct Account {
  std::optional<v1::Actor> actor;  // unset: there is none that could log in
  PasswordRow password;
};

// Finds the account that a log-in names. What is missing is left empty, not an error.
absl::StatusOr<Account> FindAccount(Store& store, const v1::LoginRequest& request) {
  Account account;
  HEIM_RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
    auto actor = request.email().empty() ? tx.actors.GetByUsername(AsciiLower(request.username()))
                                         : tx.actors.GetByEmail(AsciiLower(request.email()));
    if (ReasonOf(actor.status()) == v1::ERROR_REASON_ACTOR_NOT_FOUND) return absl::OkStatus();
    if (!actor.ok()) return actor.status();
    if (actor->type() != v1::ACTOR_TYPE_HUMAN || actor->has_deleted_at()) return absl::OkStatus();
    auto password = tx.credentials.PasswordOf(ActorId(actor->id()));
    if (ReasonOf(password.status()) == v1::ERROR_REASON_KEY_NOT_FOUND) return absl::OkStatus();
    if (!password.ok()) return password.status();
    account.actor = *std::move(actor);
    account.password = *std::move(password);
    return absl::OkStatus();
  }));
  return account;
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
          ? ThrottleNameOf(ActorId(account->actor->id()))
          : StrCat("name:", request.email().empty() ? request.username() : request.email());
  if (absl::Status status = tools_.throttle.Begin(name, context.address); !status.ok()) {
    return reply(std::move(status));
  }
  const auto verdict = tools_.passwords.Verify(account->password.hash, request.password());
  if (!verdict.ok()) return reply(verdict.status());
  if (!verdict->matches) {
    if (account->actor.has_value()) {
      EnterFailure(store_, context, "login.failed", ActorId(account->actor->id()),
                   InvalidCredentials());
    }
    return reply(InvalidCredentials());
  }
  tools_.throttle.Succeeded(name, context.address);

  PasswordRow password = account->password;
  if (verdict->needs_rehash) {
    password.hash = tools_.passwords.Hash(request.password()).value_or(password.hash);
  }
  const ActorId actor(account->actor->id());
  auto session = std::make_shared<const NewSession>(MakeSession(context, actor));
  CommitReply<v1::LoginResponse>(
      store_, context, std::move(reply),
      [=](WriteTx& tx, v1::LoginResponse* response) -> absl::Status {
        // Deactivation and a log-in under way: whoever commits first wins.
        HEIM_ASSIGN_OR_RETURN(*response->mutable_actor(), tx.actors.Get(actor));
        if (response->actor().has_deleted_at()) return InvalidCredentials();
        // So do a log-in and another password: none with the old one outlives the change.
        const absl::Time now = session->row.created_at;
        HEIM_ASSIGN_OR_RETURN(const bool used, tx.credentials.UsePassword(actor, password, now));
        if (!used) return InvalidCredentials();
        HEIM_RETURN_IF_ERROR(tx.sessions.Sweep(actor, now));
        HEIM_RETURN_IF_ERROR(tx.sessions.Insert(session->row));
        tx.note.by = actor;
        tx.note.bare = true;
        tx.note.Subject("session", session->row.id.str());
        response->set_token(session->token);
        *response->mutable_expires_at() = ToTimestamp(session->token_expires_at);
        return absl::OkStatus();
      },
      [&context, session](const v1::LoginResponse&) { context.cookie = session->cookie; });
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
        tx.note.Subject("session", context.caller.credential_id);
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
