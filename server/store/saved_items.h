// SavedItems: what each actor keeps for itself. Rows and nothing else; rights are checked by
// services.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/saved.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

// Whose items, and of which workspace.
struct SavedOwner {
  ActorId actor;
  WorkspaceId workspace;
};

struct SavedFilter {
  std::optional<bool> done;
  // Where the last page ended; empty id: the last saved.
  int64_t before_saved_at_ms = 0;
  std::string before_message_id;
  uint32_t limit = 50;
};

class SavedItems {
 public:
  explicit SavedItems(SqlSession& session) : session_(&session) {}

  // Adds the item or replaces its note and `done_at`; `saved_at` stays that of the first time.
  absl::Status Put(const SavedOwner& owner, const v1::SavedItem& item);
  absl::StatusOr<std::optional<v1::SavedItem>> Find(const ActorId& actor, const MessageId& message);
  // False when it was not saved.
  absl::StatusOr<bool> Remove(const SavedOwner& owner, const MessageId& message);
  // Everybody's items of the message.
  absl::Status RemoveAll(const MessageId& message);
  absl::StatusOr<int64_t> Count(const SavedOwner& owner);
  // The last saved first, without messages.
  absl::StatusOr<std::vector<v1::SavedItem>> List(const SavedOwner& owner,
                                                  const SavedFilter& filter);

 private:
  SqlSession* session_;
};

}  // namespace heim
