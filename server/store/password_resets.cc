#include "server/store/password_resets.h"

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kPut[] =
    "INSERT INTO password_resets (actor_id, token_hash, workspace_id, created_by, expires_at) "
    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (actor_id) DO UPDATE SET "
    "token_hash = excluded.token_hash, workspace_id = excluded.workspace_id, "
    "created_by = excluded.created_by, expires_at = excluded.expires_at";
constexpr char kFindByHash[] =
    "SELECT actor_id, workspace_id, created_by, expires_at FROM password_resets "
    "WHERE token_hash = $1";
constexpr char kRemoveOf[] = "DELETE FROM password_resets WHERE actor_id = $1";

}  // namespace

absl::Status PasswordResets::Put(const PasswordResetRow& row) {
  return session_
      ->Execute(kPut, {SqlId(row.actor_id), SqlText(row.token_hash), SqlId(row.workspace_id),
                       SqlId(row.created_by), SqlTime(row.expires_at)})
      .status();
}

absl::StatusOr<PasswordResetRow> PasswordResets::FindByHash(std::string_view token_hash) {
  PasswordResetRow found;
  found.token_hash = std::string(token_hash);
  HEIM_RETURN_IF_ERROR(QueryOne(*session_, kFindByHash, {SqlText(token_hash)}, ResetTokenInvalid,
                                [&](const SqlRow& row) {
                                  found.actor_id = ActorId(row.Text(0));
                                  found.workspace_id = WorkspaceId(row.Text(1));
                                  found.created_by = ActorId(row.Text(2));
                                  found.expires_at = TimeOfMillis(row.Int(3));
                                  return absl::OkStatus();
                                }));
  return found;
}

absl::Status PasswordResets::RemoveOf(const ActorId& actor) {
  return session_->Execute(kRemoveOf, {SqlId(actor)}).status();
}

}  // namespace heim
