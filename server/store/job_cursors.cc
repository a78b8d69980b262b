#include "server/store/job_cursors.h"

#include "server/base/status_macros.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kList[] =
    "SELECT l.workspace_id, COALESCE(c.position, 0), l.position FROM workspace_log l "
    "LEFT JOIN job_cursors c ON c.workspace_id = l.workspace_id AND c.job = $1 "
    "ORDER BY l.workspace_id";
constexpr char kGet[] = "SELECT position FROM job_cursors WHERE job = $1 AND workspace_id = $2";
constexpr char kInsert[] =
    "INSERT INTO job_cursors (job, workspace_id, position) VALUES ($1, $2, 0) "
    "ON CONFLICT (job, workspace_id) DO NOTHING";
constexpr char kMove[] =
    "UPDATE job_cursors SET position = $4 WHERE job = $1 AND workspace_id = $2 AND position = $3";

}  // namespace

absl::StatusOr<std::vector<JobCursor>> JobCursors::List(std::string_view job) {
  std::vector<JobCursor> cursors;
  HEIM_RETURN_IF_ERROR(session_->Query(kList, {SqlText(job)}, [&](const SqlRow& row) {
    cursors.push_back({WorkspaceId(row.Text(0)), UintOf(row, 1), UintOf(row, 2)});
    return absl::OkStatus();
  }));
  return cursors;
}

absl::StatusOr<uint64_t> JobCursors::Get(std::string_view job, const WorkspaceId& workspace) {
  HEIM_ASSIGN_OR_RETURN(const int64_t position,
                        QueryInt(*session_, kGet, {SqlText(job), SqlId(workspace)}));
  return static_cast<uint64_t>(position);
}

absl::StatusOr<bool> JobCursors::Move(std::string_view job, const WorkspaceId& workspace,
                                      uint64_t from, uint64_t to) {
  if (from == 0) {
    HEIM_RETURN_IF_ERROR(session_->Execute(kInsert, {SqlText(job), SqlId(workspace)}));
  }
  HEIM_ASSIGN_OR_RETURN(
      const int64_t moved,
      session_->Execute(kMove, {SqlText(job), SqlId(workspace), SqlInt(from), SqlInt(to)}));
  return moved != 0;
}

}  // namespace heim
