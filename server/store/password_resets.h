// Links to reset a password: rows and nothing else. Tokens are kept as hashes. A view over a
// transaction's session: cheap to copy, same thread as the transaction. Calls block on the
// database.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct PasswordResetRow {
  ActorId actor_id;
  std::string token_hash;
  WorkspaceId workspace_id;  // in which it was made
  ActorId created_by;
  absl::Time expires_at;
};

class PasswordResets {
 public:
  explicit PasswordResets(SqlSession& session) : session_(&session) {}

  // In place of the actor's link before it.
  absl::Status Put(const PasswordResetRow& row);
  // RESET_TOKEN_INVALID. Those that are too old are found.
  absl::StatusOr<PasswordResetRow> FindByHash(std::string_view token_hash);
  // Nothing, when the actor has none.
  absl::Status RemoveOf(const ActorId& actor);

 private:
  SqlSession* session_;
};

}  // namespace heim
