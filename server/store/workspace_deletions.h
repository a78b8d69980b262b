// Workspaces that were deleted and of which rows are left. Nobody can reach those any more: nobody
// is a member. Channels are purged (channel_purges.h), the rest goes with them in bounded steps, so
// that the writer serves others between them; a restart goes on where they stood.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct WorkspaceDeletion {
  enum class Stage { kChannels = 0, kPurges = 1, kRows = 2, kLog = 3 };

  WorkspaceId workspace_id;
  Stage stage = Stage::kChannels;
};

class WorkspaceDeletions {
 public:
  explicit WorkspaceDeletions(SqlSession& session) : session_(&session) {}

  // Those that are not being deleted.
  absl::StatusOr<int64_t> CountWorkspaces();
  absl::StatusOr<std::vector<ActorId>> MembersOf(const WorkspaceId& workspace);
  // Takes everybody out, gives its name and slug up, and remembers that the rest is to be erased.
  absl::Status Begin(const WorkspaceId& workspace);
  // One of those that are not done.
  absl::StatusOr<std::optional<WorkspaceDeletion>> Next();
  // Some of the channels that are left.
  absl::StatusOr<std::vector<ChannelId>> Channels(const WorkspaceId& workspace, uint32_t limit);
  // Whether purges of its channels are under way.
  absl::StatusOr<bool> IsPurging(const WorkspaceId& workspace);
  absl::Status SetStage(const WorkspaceDeletion& deletion);
  // Erases some rows; true when none are left.
  absl::StatusOr<bool> EraseRows(const WorkspaceId& workspace);
  // The same for the log; with its last event the workspace itself goes.
  absl::StatusOr<bool> EraseLog(const WorkspaceId& workspace);
  // Whether a deletion deletes what the table holds of a workspace: every table with rows of
  // workspaces must be one of those, or be named in the test with the reason why not.
  static bool Erases(std::string_view table);

 private:
  SqlSession* session_;
};

}  // namespace heim
