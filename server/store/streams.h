// Streams: the durable half of a message that is being written. The live half is hub's.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "google/protobuf/struct.pb.h"
#include "heim/v1/stream.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct StreamRow {
  v1::Stream stream;  // content and parts as of durable_index
  WorkspaceId workspace_id;
  std::string outcome;  // why it ended, when it did not finish
};

class Streams {
 public:
  explicit Streams(SqlSession& session) : session_(&session) {}

  absl::Status Insert(const StreamRow& row);
  // STREAM_NOT_FOUND.
  absl::StatusOr<StreamRow> Get(const StreamId& id);
  // Writes state, indexes, content, parts and outcome.
  absl::Status Update(const StreamRow& row);
  absl::StatusOr<std::vector<StreamRow>> ListActive();
  absl::StatusOr<std::vector<StreamRow>> ListActiveIn(const WorkspaceId& workspace);
  absl::StatusOr<int64_t> CountActive(const ActorId& author);

 private:
  SqlSession* session_;
};

}  // namespace heim
