// Forwards: which messages hold a copy of which original, so that deleting the original finds them.
// Rows and nothing else.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

class Forwards {
 public:
  explicit Forwards(SqlSession& session) : session_(&session) {}

  absl::Status Add(const MessageId& original, const MessageId& copy);
  // The copy holds nothing of its original any more, or is deleted itself.
  absl::Status Forget(const MessageId& copy);
  // Copies of the original that are not erased yet.
  absl::StatusOr<std::vector<MessageId>> CopiesOf(const MessageId& original, uint32_t limit);
  // Copies whose original is deleted: what a stop of the server left undone. Not those whose
  // original is still to be imported.
  absl::StatusOr<std::vector<MessageId>> Orphans(uint32_t limit);

 private:
  SqlSession* session_;
};

}  // namespace heim
