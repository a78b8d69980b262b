// How far the jobs that read the log have come, by job and workspace. Rows and nothing else.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct JobCursor {
  WorkspaceId workspace_id;
  uint64_t position = 0;  // last event that the job is done with
  uint64_t head = 0;      // last event of the workspace
};

class JobCursors {
 public:
  explicit JobCursors(SqlSession& session) : session_(&session) {}

  // One for each workspace, done with or not.
  absl::StatusOr<std::vector<JobCursor>> List(std::string_view job);
  absl::StatusOr<uint64_t> Get(std::string_view job, const WorkspaceId& workspace);
  // False, and nothing changes, when the cursor does not stand at `from`: somebody else moved it.
  absl::StatusOr<bool> Move(std::string_view job, const WorkspaceId& workspace, uint64_t from,
                            uint64_t to);

 private:
  SqlSession* session_;
};

}  // namespace heim
