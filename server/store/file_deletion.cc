// How files go: with their last link, by deletion, and unlinked after a while.
#include <algorithm>
#include <utility>

#include "server/base/status_macros.h"
#include "server/store/file_columns.h"
#include "server/store/files.h"
#include "server/store/message_drafts.h"
#include "server/store/scheduled_messages.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

#define HEIM_UNLINKED "NOT EXISTS (SELECT 1 FROM file_links l WHERE l.file_id = files.id)"

constexpr char kWhoseUnlinked[] =
    "SELECT workspace_id, actor_id, deleted_at, hidden FROM files WHERE id = $1 AND " HEIM_UNLINKED;
// Due at once; whoever sweeps says when to look again.
constexpr char kSweepSoon[] = "UPDATE files SET sweep_at = 1 WHERE id = $1";
constexpr char kDrop[] = "DELETE FROM files WHERE id = $1 AND " HEIM_UNLINKED
                         " RETURNING workspace_id, actor_id, blob_key, preview_key, size_bytes, "
                         "kind, hidden, deleted_at";
constexpr char kEmpty[] =
    "UPDATE files SET body = $2, deleted_at = $3, sweep_at = 0, preview_state = 1, preview_key = "
    "'' "
    "WHERE id = $1 RETURNING kind, hidden";
constexpr char kMakeStale[] = "UPDATE file_links SET stale = 1 WHERE file_id = $1";
constexpr char kStaleLinks[] =
    "SELECT l.file_id, l.message_id, f.workspace_id, f.deleted_at, f.body FROM file_links l "
    "JOIN files f ON f.id = l.file_id WHERE l.stale = 1 "
    "AND (CAST($1 AS TEXT) = '' OR l.file_id = $1) ORDER BY l.file_id, l.message_id LIMIT $2";
constexpr char kFresh[] = "UPDATE file_links SET stale = 0 WHERE file_id = $1 AND message_id = $2";
constexpr char kUnlinkOne[] = "DELETE FROM file_links WHERE file_id = $1 AND message_id = $2";
constexpr char kNextSweep[] = "SELECT MIN(sweep_at) FROM files WHERE sweep_at > 0";
constexpr char kDue[] =
    "SELECT id FROM files WHERE sweep_at > 0 AND sweep_at <= $1 ORDER BY sweep_at, id LIMIT $2";
constexpr char kSweepAt[] = "UPDATE files SET sweep_at = $2 WHERE id = $1";

// What is left in the row of a file that was deleted.
std::string BodyOfDeleted(const v1::File& file) {
  v1::File bare;
  bare.set_id(file.id());
  return bare.SerializeAsString();
}

}  // namespace

absl::StatusOr<bool> Files::IsUnsent(std::string_view file) {
  std::optional<std::pair<WorkspaceId, ActorId>> whose;
  HEIM_RETURN_IF_ERROR(session_->Query(kWhoseUnlinked, {SqlText(file)}, [&](const SqlRow& row) {
    const bool counts = row.Int(2) == 0 && row.Int(3) == 0;
    if (counts) whose.emplace(WorkspaceId(row.Text(0)), ActorId(row.Text(1)));
    return absl::OkStatus();
  }));
  if (!whose.has_value()) return false;
  const FileId id(file);
  HEIM_ASSIGN_OR_RETURN(const std::vector<DraftRow> drafts,
                        MessageDrafts(*session_).WithFile(whose->first, whose->second, id));
  if (!drafts.empty()) return true;
  HEIM_ASSIGN_OR_RETURN(const std::vector<ScheduledRow> scheduled,
                        ScheduledMessages(*session_).WithFile(whose->first, whose->second, id));
  return !scheduled.empty();
}

absl::Status Files::DropUnlinked(std::string_view file) {
  HEIM_ASSIGN_OR_RETURN(const bool unsent, IsUnsent(file));
  if (unsent) return session_->Execute(kSweepSoon, {SqlText(file)}).status();
  struct Dropped {
    WorkspaceId workspace;
    std::string actor;
    std::string keys[2];
    int64_t bytes = 0;
    bool counted = false;
  };
  std::optional<Dropped> dropped;
  HEIM_RETURN_IF_ERROR(session_->Query(kDrop, {SqlText(file)}, [&](const SqlRow& row) {
    if (row.Int(7) != 0) return absl::OkStatus();  // all that follows was done when it was deleted
    dropped.emplace();
    dropped->workspace = WorkspaceId(row.Text(0));
    dropped->actor = TextOf(row, 1);
    dropped->keys[0] = TextOf(row, 2);
    dropped->keys[1] = TextOf(row, 3);
    dropped->bytes = row.Int(4);
    dropped->counted = row.Int(5) != v1::FILE_KIND_UNSPECIFIED && row.Int(6) == 0;
    return absl::OkStatus();
  }));
  if (!dropped.has_value()) return absl::OkStatus();
  for (const std::string& key : dropped->keys) HEIM_RETURN_IF_ERROR(AddDeadBlob(key));
  if (!dropped->counted) return absl::OkStatus();
  return Count(dropped->workspace, dropped->actor, {-dropped->bytes, -1});
}

absl::Status Files::MarkDeleted(const FileRow& row, absl::Time at) {
  const SqlValue id = SqlText(row.file.id());
  const std::string body = BodyOfDeleted(row.file);
  bool counted = false;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kEmpty, {id, SqlBlob(body), SqlTime(at)}, [&](const SqlRow& found) {
        counted = found.Int(0) != v1::FILE_KIND_UNSPECIFIED && found.Int(1) == 0;
        return absl::OkStatus();
      }));
  HEIM_RETURN_IF_ERROR(AddDeadBlob(row.blob_key));
  HEIM_RETURN_IF_ERROR(AddDeadBlob(row.preview.blob_key));
  if (counted) {
    HEIM_RETURN_IF_ERROR(
        Count(row.workspace_id, row.file.actor_id(), {-row.file.size_bytes(), -1}));
  }
  HEIM_RETURN_IF_ERROR(session_->Execute(kMakeStale, {id}));
  return DropUnlinked(row.file.id());
}

absl::StatusOr<std::vector<Files::Link>> Files::StaleLinks(const FileId& file, uint32_t limit) {
  std::vector<Link> links;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kStaleLinks, {SqlId(file), SqlInt(limit)}, [&](const SqlRow& row) {
        Link& link = links.emplace_back();
        link.file_id = FileId(row.Text(0));
        link.message_id = MessageId(row.Text(1));
        link.workspace_id = WorkspaceId(row.Text(2));
        link.deleted = row.Int(3) != 0;
        return ParseColumn(row, 4, &link.file);
      }));
  return links;
}

absl::Status Files::ReleaseFile(const FileId& file, const MessageId& message) {
  HEIM_RETURN_IF_ERROR(session_->Execute(kUnlinkOne, {SqlId(file), SqlId(message)}));
  return DropUnlinked(file.str());
}

absl::Status Files::SettleLink(const Link& link) {
  const SqlValue ids[] = {SqlId(link.file_id), SqlId(link.message_id)};
  if (!link.deleted) return session_->Execute(kFresh, ids).status();
  HEIM_RETURN_IF_ERROR(session_->Execute(kUnlinkOne, ids));
  return DropUnlinked(link.file_id.str());
}

absl::StatusOr<std::optional<absl::Time>> Files::NextSweep() {
  std::optional<absl::Time> next;
  HEIM_RETURN_IF_ERROR(session_->Query(kNextSweep, {}, [&](const SqlRow& row) {
    if (!row.IsNull(0)) next = TimeOfMillis(row.Int(0));
    return absl::OkStatus();
  }));
  return next;
}

absl::StatusOr<uint32_t> Files::SweepUnlinked(absl::Time now, absl::Time later, uint32_t limit) {
  std::vector<std::string> due;
  HEIM_RETURN_IF_ERROR(session_->Query(kDue, {SqlTime(now), SqlInt(limit)}, [&](const SqlRow& row) {
    due.push_back(TextOf(row, 0));
    return absl::OkStatus();
  }));
  for (const std::string& file : due) {
    // Whatever stays is looked at again later.
    HEIM_RETURN_IF_ERROR(session_->Execute(kSweepAt, {SqlText(file), SqlTime(later)}));
    HEIM_ASSIGN_OR_RETURN(const bool unsent, IsUnsent(file));
    if (!unsent) HEIM_RETURN_IF_ERROR(DropUnlinked(file));
  }
  return static_cast<uint32_t>(due.size());
}

}  // namespace heim
