#include "server/service/password_reset_service.h"

#include <memory>
#include <string_view>
#include <vector>

#include "server/auth/key_secret.h"
#include "server/auth/operator_link.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/ended_sessions.h"
#include "server/service/profiles.h"

namespace heim {
namespace {

constexpr size_t kTokenChars = 32;

// A link is worth no more than its maker may do now: nobody takes over by it an account that has
// risen above the maker since.
absl::Status CheckMakerStillMay(ReadTx& tx, const PasswordResetRow& row) {
  Caller maker;
  maker.actor_id = row.created_by;
  maker.workspace_id = row.workspace_id;
  maker.credential_type = v1::CREDENTIAL_TYPE_PASSWORD;
  HEIM_ASSIGN_OR_RETURN(const v1::Actor by, tx.actors.Get(maker.actor_id));
  HEIM_ASSIGN_OR_RETURN(const v1::Actor target, tx.actors.Get(row.actor_id));
  if (by.has_deleted_at() || target.has_deleted_at()) return ResetTokenInvalid();
  return CheckMayManage(tx, maker, target);
}

// The link of the token, if it can be used now. RESET_TOKEN_INVALID.
absl::StatusOr<PasswordResetRow> FindUsable(ReadTx& tx, std::string_view token, absl::Time now) {
  HEIM_ASSIGN_OR_RETURN(PasswordResetRow row, tx.password_resets.FindByHash(HashKeySecret(token)));
  if (row.expires_at <= now) return ResetTokenInvalid();
  const absl::Status status = CheckMakerStillMay(tx, row);
  if (absl::IsNotFound(status) || absl::IsPermissionDenied(status)) return ResetTokenInvalid();
  if (!status.ok()) return status;
  return row;
}

// The same for a link that the operator made. Nobody is named as its maker.
absl::StatusOr<PasswordResetRow> FindByOperator(ReadTx& tx, std::string_view key,
                                                std::string_view token, absl::Time now) {
  if (key.empty()) return ResetTokenInvalid();
  HEIM_ASSIGN_OR_RETURN(const OperatorToken read, ReadOperatorToken(key, token, now));
  const auto actor = tx.actors.GetByUsername(read.username);
  if (absl::IsNotFound(actor.status())) return ResetTokenInvalid();
  if (!actor.ok()) return actor.status();
  if (actor->type() != v1::ACTOR_TYPE_HUMAN || actor->has_deleted_at()) return ResetTokenInvalid();
  const auto password = tx.credentials.PasswordOf(ActorId(actor->id()));
  if (password.ok() && WasSetSince(password->id, read.issued_at)) return ResetTokenInvalid();
  if (!password.ok() && !absl::IsNotFound(password.status())) return password.status();
  PasswordResetRow row;
  row.actor_id = ActorId(actor->id());
  return row;
}

absl::Status CheckTarget(ReadTx& tx, const Caller& caller, const ActorId& id) {
  HEIM_ASSIGN_OR_RETURN(const v1::Actor target, AccessActor(tx, caller, id));
  HEIM_RETURN_IF_ERROR(CheckMayManage(tx, caller, target));
  if (target.type() != v1::ACTOR_TYPE_HUMAN) {
    return MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "Only people have passwords");
  }
  if (target.has_deleted_at()) return MakeError(v1::ERROR_REASON_ACTOR_DEACTIVATED);
  return absl::OkStatus();
}

}  // namespace

void PasswordResetService::CreatePasswordReset(CallContext& context,
                                               const v1::CreatePasswordResetRequest& request,
                                               Reply<v1::CreatePasswordResetResponse> reply) {
  const Caller& caller = context.caller;
  if (caller.actor.type() != v1::ACTOR_TYPE_HUMAN) {
    return reply(MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "Reset links are made by people"));
  }
  if (ResolveMe(caller, request.actor_id()) == caller.actor_id) {
    return reply(MakeError(v1::ERROR_REASON_PERMISSION_DENIED,
                           "One's own password is changed by ChangePassword"));
  }
  const std::string token = RandomBase62(deps_.entropy, kTokenChars);
  const PasswordResetRow row{ActorId(request.actor_id()), HashKeySecret(token), caller.workspace_id,
                             caller.actor_id, deps_.clock.Now() + kPasswordResetLifetime};
  CommitReply<v1::CreatePasswordResetResponse>(
      deps_.store, context, std::move(reply),
      [this, &context, token, row](WriteTx& tx,
                                   v1::CreatePasswordResetResponse* response) -> absl::Status {
        HEIM_RETURN_IF_ERROR(CheckTarget(tx, context.caller, row.actor_id));
        HEIM_RETURN_IF_ERROR(tx.password_resets.Put(row));
        tx.note.Subject("actor", row.actor_id.str());
        response->set_reset_token(token);
        response->set_reset_url(StrCat(options_.public_url, "/reset?token=", token));
        *response->mutable_expires_at() = ToTimestamp(row.expires_at);
        return absl::OkStatus();
      },
      [row](const v1::CreatePasswordResetResponse&) {
        LogInfo("A link to reset a password was made", {{"actor", row.actor_id.str()},
                                                        {"by", row.created_by.str()},
                                                        {"workspace", row.workspace_id.str()}});
      });
}

void PasswordResetService::ResetPassword(CallContext& context,
                                         const v1::ResetPasswordRequest& request,
                                         Reply<v1::ResetPasswordResponse> reply) {
  const absl::Time now = deps_.clock.Now();
  // Before the dear hash; the commit looks again.
  const auto find = [this, now, &request](ReadTx& tx) -> absl::StatusOr<PasswordResetRow> {
    if (!IsOperatorToken(request.token())) return FindUsable(tx, request.token(), now);
    return FindByOperator(tx, options_.operator_key, request.token(), now);
  };
  const absl::Status usable =
      deps_.store.Read([&](ReadTx& tx) -> absl::Status { return find(tx).status(); });
  if (!usable.ok()) return reply(usable);
  auto hash = deps_.passwords.Hash(request.new_password());
  if (!hash.ok()) return reply(hash.status());
  struct Ended {
    PasswordResetRow row;
    std::vector<SessionId> sessions;
  };
  auto ended = std::make_shared<Ended>();
  CommitReply<v1::ResetPasswordResponse>(
      deps_.store, context, std::move(reply),
      [now, ended, find, password_id = KeyId(deps_.ids.NewId()), hash = *std::move(hash)](
          WriteTx& tx, v1::ResetPasswordResponse*) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(ended->row, find(tx));
        const ActorId& actor = ended->row.actor_id;
        HEIM_RETURN_IF_ERROR(tx.credentials.SetPassword(actor, password_id, hash, now));
        HEIM_RETURN_IF_ERROR(tx.password_resets.RemoveOf(actor));
        tx.note.by = actor;
        tx.note.Subject("actor", actor.str());
        HEIM_ASSIGN_OR_RETURN(ended->sessions, tx.sessions.RevokeAllOf(actor, now));
        return absl::OkStatus();
      },
      [this, ended](const v1::ResetPasswordResponse&) {
        LogInfo("A password was reset by link",
                {{"actor", ended->row.actor_id.str()}, {"by", ended->row.created_by.str()}});
        EndSessions(ended->sessions, deps_.authenticator, deps_.hub);
      });
}

}  // namespace heim
