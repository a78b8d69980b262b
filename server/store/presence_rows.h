// What of presence outlives the server: choices made by hand, and who is connected. Rows and
// nothing else. A view over a transaction's session: cheap to copy, same thread as the transaction.
// Calls block on the database.
#pragma once

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/actor.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

class PresenceRows {
 public:
  explicit PresenceRows(SqlSession& session) : session_(&session) {}

  // away, dnd and offline are kept; anything else takes the choice back.
  absl::Status SetChoice(const ActorId& actor, v1::Presence presence);
  absl::StatusOr<std::vector<std::pair<ActorId, v1::Presence>>> Choices();

  absl::Status SetConnected(const WorkspaceId& workspace, const ActorId& actor);
  // In all workspaces.
  absl::Status SetGone(const ActorId& actor);
  absl::StatusOr<std::vector<std::pair<ActorId, WorkspaceId>>> Connected();

 private:
  SqlSession* session_;
};

}  // namespace heim
