// Which files get a preview, and what became of it.
#include "server/base/status_macros.h"
#include "server/model/people_limits.h"
#include "server/model/time.h"
#include "server/store/file_columns.h"
#include "server/store/files.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kNext[] = "SELECT " HEIM_FILE_COLUMNS
                         ", f.kind, f.preview_tries FROM files f "
                         "WHERE f.preview_state = 0 ORDER BY f.id LIMIT 1";
constexpr char kSetTries[] = "UPDATE files SET preview_tries = $2 WHERE id = $1";
constexpr char kFinish[] =
    "UPDATE files SET body = $2, preview_state = $3, preview_key = $4, preview_bytes = $5, "
    "preview_sha256 = $6 WHERE id = $1 AND preview_state = 0 RETURNING kind, hidden";
constexpr char kMakeStale[] = "UPDATE file_links SET stale = 1 WHERE file_id = $1";
// For files of before there were such columns; what is linked to a message is not swept.
constexpr char kFillFacts[] =
    "UPDATE files SET kind = $2, size_bytes = $3, sweep_at = CASE WHEN EXISTS "
    "(SELECT 1 FROM file_links l WHERE l.file_id = files.id) THEN 0 ELSE CAST($4 AS BIGINT) END "
    "WHERE id = $1";

}  // namespace

absl::StatusOr<std::optional<UnlookedFile>> Files::NextUnlooked() {
  std::optional<UnlookedFile> found;
  HEIM_RETURN_IF_ERROR(session_->Query(kNext, {}, [&](const SqlRow& row) {
    found.emplace();
    found->counted = row.Int(kFileColumns) != v1::FILE_KIND_UNSPECIFIED;
    found->tries = row.Int(kFileColumns + 1);
    return ReadFileRow(row, &found->row);
  }));
  return found;
}

absl::Status Files::SetPreviewTries(const FileId& id, int64_t tries) {
  return session_->Execute(kSetTries, {SqlId(id), SqlValue(tries)}).status();
}

absl::StatusOr<bool> Files::FinishPreview(const FileRow& row) {
  const SqlValue id = SqlText(row.file.id());
  const bool made = !row.preview.blob_key.empty();
  const std::string body = row.file.SerializeAsString();
  bool there = false;
  bool to_count = false;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kFinish,
                      {id, SqlBlob(body), SqlEnum(made ? kPreviewMade : kPreviewNone),
                       SqlText(row.preview.blob_key), SqlValue(row.preview.size_bytes),
                       SqlText(row.preview.sha256)},
                      [&](const SqlRow& found) {
                        there = true;
                        to_count = found.Int(0) == v1::FILE_KIND_UNSPECIFIED && found.Int(1) == 0;
                        return absl::OkStatus();
                      }));
  if (!there) return false;
  if (made) HEIM_RETURN_IF_ERROR(session_->Execute(kMakeStale, {id}));
  if (!to_count) return true;
  const absl::Time sweep_at = FromTimestamp(row.file.created_at()) + kUnlinkedFileKept;
  HEIM_RETURN_IF_ERROR(
      session_->Execute(kFillFacts, {id, SqlEnum(FileKindOf(row.file.mime_type())),
                                     SqlValue(row.file.size_bytes()), SqlTime(sweep_at)}));
  HEIM_RETURN_IF_ERROR(Count(row.workspace_id, row.file.actor_id(), {row.file.size_bytes(), 1}));
  return true;
}

}  // namespace heim
