// EventLog reads a workspace's log; WriteTx::Emit writes it.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "heim/v1/message.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct LogEntry {
  uint64_t position = 0;
  std::string channel_id;   // empty: the workspace
  std::string to_actor_id;  // empty: everyone who may see it
  std::string type;         // wire type, such as "message.new"
  std::string bytes;        // the serialised Event
};

struct LogHead {
  std::string epoch;
  uint64_t position = 0;  // of the last event; 0 when there is none
  uint64_t oldest = 1;    // of the oldest event kept
};

class EventLog {
 public:
  explicit EventLog(SqlSession& session) : session_(&session) {}

  // WORKSPACE_NOT_FOUND.
  absl::StatusOr<LogHead> Head(const WorkspaceId& workspace);
  // Events after the position, ascending, at most `limit` and about `max_bytes`.
  absl::StatusOr<std::vector<LogEntry>> Read(const WorkspaceId& workspace, uint64_t after,
                                             uint32_t limit, size_t max_bytes);
  // Replaces the message inside the earlier events of a deleted message by its tombstone, so that
  // deleting holds in replay too. Other events are left as they are.
  absl::Status ScrubMessage(const WorkspaceId& workspace, const v1::Message& tombstone);
  // The same with any change to the message, such as the loss of a part of it.
  absl::Status RewriteMessage(const WorkspaceId& workspace, const MessageId& id,
                              absl::FunctionRef<void(v1::Message*)> rewrite);

 private:
  SqlSession* session_;
};

}  // namespace heim
