// The part of AuthService that is about the caller's sessions and password.
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/ids.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/page.h"
#include "server/model/time.h"
#include "server/service/audit.h"
#include "server/service/auth_checks.h"
#include "server/service/auth_service.h"
#include "server/service/commit_reply.h"
#include "server/service/ended_sessions.h"

namespace heim {
namespace {

v1::Session SessionOf(const SessionRow& row, const Caller& caller) {
  v1::Session session;
  session.set_id(row.id.str());
  *session.mutable_created_at() = ToTimestamp(row.created_at);
  *session.mutable_last_seen_at() = ToTimestamp(row.last_seen_at);
  *session.mutable_expires_at() = ToTimestamp(row.expires_at);
  session.set_user_agent(row.user_agent);
  session.set_address(row.address);
  session.set_current(row.id.str() == caller.credential_id);
  if (row.revoked_at.has_value()) *session.mutable_revoked_at() = ToTimestamp(*row.revoked_at);
  return session;
}

absl::StatusOr<SessionRow> OwnSession(ReadTx& tx, const Caller& caller, const std::string& id) {
  if (!IsUuid(id)) return SessionNotFound();
  auto row = tx.sessions.Get(SessionId(id));
  if (ReasonOf(row.status()) == v1::ERROR_REASON_UNAUTHENTICATED) return SessionNotFound();
  if (row.ok() && row->actor_id != caller.actor_id) return SessionNotFound();
  return row;
}

}  // namespace

void AuthService::ListSessions(CallContext& context, const v1::ListSessionsRequest& request,
                               Reply<v1::ListSessionsResponse> reply) {
  const Caller& caller = context.caller;
  v1::ListSessionsResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(RequireSession(caller));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    std::string before;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(before, DecodeCursor(request.cursor(), caller.actor_id.str()));
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<SessionRow> rows,
                          tx.sessions.ListOf(caller.actor_id, clock_.Now(), before, limit + 1));
    if (rows.size() > limit) {
      rows.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(caller.actor_id.str(), rows.back().id.str()));
    }
    for (const SessionRow& row : rows) *response.add_sessions() = SessionOf(row, caller);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void AuthService::RevokeSession(CallContext& context, const v1::RevokeSessionRequest& request,
                                Reply<v1::RevokeSessionResponse> reply) {
  if (absl::Status status = RequireSession(context.caller); !status.ok()) {
    return reply(std::move(status));
  }
  CommitReply<v1::RevokeSessionResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::RevokeSessionResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(SessionRow row, OwnSession(tx, context.caller, request.session_id()));
        const absl::Time now = clock_.Now();
        HEIM_ASSIGN_OR_RETURN(const bool revoked, tx.sessions.Revoke(row.id, now));
        if (revoked) row.revoked_at = now;
        tx.note.nothing = !revoked;
        *response->mutable_session() = SessionOf(row, context.caller);
        return absl::OkStatus();
      },
      [this, &context](const v1::RevokeSessionResponse& response) {
        EndSessions({SessionId(response.session().id())}, tools_.authenticator, hub_);
        if (response.session().current()) context.cookie = SessionCookie{};
      });
}

void AuthService::RevokeOtherSessions(CallContext& context, const v1::RevokeOtherSessionsRequest&,
                                      Reply<v1::RevokeOtherSessionsResponse> reply) {
  if (absl::Status status = RequireSession(context.caller); !status.ok()) {
    return reply(std::move(status));
  }
  auto ended = std::make_shared<std::vector<SessionId>>();
  CommitReply<v1::RevokeOtherSessionsResponse>(
      store_, context, std::move(reply),
      [this, &context, ended](WriteTx& tx,
                              v1::RevokeOtherSessionsResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(*ended,
                              tx.sessions.RevokeAllOf(context.caller.actor_id, clock_.Now(),
                                                      SessionId(context.caller.credential_id)));
        response->set_revoked_count(static_cast<uint32_t>(ended->size()));
        tx.note.nothing = ended->empty();
        tx.note.Subject("actor", context.caller.actor_id.str());
        return absl::OkStatus();
      },
      [this, ended](const v1::RevokeOtherSessionsResponse&) {
        EndSessions(*ended, tools_.authenticator, hub_);
      });
}

void AuthService::ChangePassword(CallContext& context, const v1::ChangePasswordRequest& request,
                                 Reply<v1::ChangePasswordResponse> reply) {
  const ActorId actor = context.caller.actor_id;
  if (absl::Status status = RequireSession(context.caller); !status.ok()) {
    return reply(std::move(status));
  }
  PasswordRow current;
  const absl::Status found = store_.Read([&](ReadTx& tx) -> absl::Status {
    auto password = tx.credentials.PasswordOf(actor);
    if (ReasonOf(password.status()) == v1::ERROR_REASON_KEY_NOT_FOUND) return absl::OkStatus();
    HEIM_ASSIGN_OR_RETURN(current, std::move(password));
    return absl::OkStatus();
  });
  if (!found.ok()) return reply(found);
  const std::string name = ThrottleNameOf(actor);
  if (absl::Status status = tools_.throttle.Begin(name, context.address); !status.ok()) {
    return reply(std::move(status));
  }
  const auto verdict = tools_.passwords.Verify(current.hash, request.current_password());
  if (!verdict.ok()) return reply(verdict.status());
  if (!verdict->matches) {
    EnterFailure(store_, context, context.audit_action, actor, InvalidCredentials());
    return reply(InvalidCredentials());
  }
  tools_.throttle.Succeeded(name, context.address);
  auto hash = tools_.passwords.Hash(request.new_password());
  if (!hash.ok()) return reply(hash.status());

  auto ended = std::make_shared<std::vector<SessionId>>();
  CommitReply<v1::ChangePasswordResponse>(
      store_, context, std::move(reply),
      [=, this, &context, new_id = KeyId(ids_.NewId()), hash = *std::move(hash)](
          WriteTx& tx, v1::ChangePasswordResponse* response) -> absl::Status {
        const absl::Time now = clock_.Now();
        // Of two changes at once the second one's current password is no longer the one.
        HEIM_ASSIGN_OR_RETURN(const bool used, tx.credentials.UsePassword(actor, current, now));
        if (!used) return InvalidCredentials();
        HEIM_RETURN_IF_ERROR(tx.credentials.SetPassword(actor, new_id, hash, now));
        HEIM_RETURN_IF_ERROR(tx.password_resets.RemoveOf(actor));
        tx.note.Subject("actor", actor.str());
        HEIM_ASSIGN_OR_RETURN(
            *ended, tx.sessions.RevokeAllOf(actor, now, SessionId(context.caller.credential_id)));
        response->set_revoked_count(static_cast<uint32_t>(ended->size()));
        return absl::OkStatus();
      },
      [this, actor, ended](const v1::ChangePasswordResponse&) {
        LogInfo("A password was changed", {{"actor", actor.str()}});
        EndSessions(*ended, tools_.authenticator, hub_);
      });
}

}  // namespace heim
