#include "server/store/files.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/people_limits.h"
#include "server/model/time.h"
#include "server/store/file_columns.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kInsert[] =
    "INSERT INTO files (id, workspace_id, actor_id, blob_key, body, kind, size_bytes, hidden, "
    "sweep_at, preview_state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
constexpr char kGet[] =
    "SELECT " HEIM_FILE_COLUMNS " FROM files f WHERE f.id = $1 AND f.deleted_at = 0";
constexpr char kLink[] =
    "INSERT INTO file_links (file_id, message_id, channel_id) VALUES ($1, $2, $3) "
    "ON CONFLICT (file_id, message_id) DO NOTHING";
constexpr char kNoSweep[] = "UPDATE files SET sweep_at = 0 WHERE id = $1 AND sweep_at > 0";
constexpr char kPlacesOf[] =
    "SELECT l.channel_id, COALESCE(MAX(m.seq), 0) FROM file_links l "
    "LEFT JOIN messages m ON m.id = l.message_id "
    "WHERE l.file_id = $1 GROUP BY l.channel_id ORDER BY l.channel_id";
constexpr char kUnlink[] = "DELETE FROM file_links WHERE message_id = $1 RETURNING file_id";
constexpr char kDeadBlobs[] = "SELECT blob_key FROM dead_blobs ORDER BY blob_key LIMIT $1";
constexpr char kAddDeadBlob[] =
    "INSERT INTO dead_blobs (blob_key) VALUES ($1) ON CONFLICT (blob_key) DO NOTHING";
constexpr char kForgetDeadBlob[] = "DELETE FROM dead_blobs WHERE blob_key = $1";
constexpr char kCount[] =
    "INSERT INTO file_usage (workspace_id, actor_id, bytes, files) VALUES ($1, $2, $3, $4) "
    "ON CONFLICT (workspace_id, actor_id) DO UPDATE SET bytes = file_usage.bytes + excluded.bytes, "
    "files = file_usage.files + excluded.files";

}  // namespace

v1::FileKind FileKindOf(std::string_view mime_type) {
  if (StartsWith(mime_type, "image/")) return v1::FILE_KIND_IMAGE;
  if (StartsWith(mime_type, "video/")) return v1::FILE_KIND_VIDEO;
  if (StartsWith(mime_type, "audio/")) return v1::FILE_KIND_AUDIO;
  if (StartsWith(mime_type, "text/") || mime_type == "application/pdf") {
    return v1::FILE_KIND_DOCUMENT;
  }
  return v1::FILE_KIND_OTHER;
}

absl::Status ReadFileRow(const SqlRow& row, FileRow* file) {
  HEIM_RETURN_IF_ERROR(ParseColumn(row, 2, &file->file));
  file->workspace_id = WorkspaceId(row.Text(0));
  file->blob_key = TextOf(row, 1);
  file->hidden = row.Int(3) != 0;
  file->preview = {TextOf(row, 4), row.Int(5), TextOf(row, 6)};
  return absl::OkStatus();
}

absl::Status Files::Insert(const FileRow& row) {
  const std::string body = row.file.SerializeAsString();
  const absl::Time sweep_at =
      row.sweep_at.value_or(FromTimestamp(row.file.created_at()) + kUnlinkedFileKept);
  HEIM_RETURN_IF_ERROR(session_->Execute(
      kInsert, {SqlText(row.file.id()), SqlId(row.workspace_id), SqlText(row.file.actor_id()),
                SqlText(row.blob_key), SqlBlob(body), SqlEnum(FileKindOf(row.file.mime_type())),
                SqlValue(row.file.size_bytes()), SqlBool(row.hidden), SqlTime(sweep_at),
                SqlEnum(row.wants_preview ? kPreviewUnlooked : kPreviewNone)}));
  if (row.hidden) return absl::OkStatus();
  return Count(row.workspace_id, row.file.actor_id(), {row.file.size_bytes(), 1});
}

absl::Status Files::Count(const WorkspaceId& workspace, std::string_view actor,
                          const FileUsageRow& more) {
  // The workspace first, always: two that count at once wait for each other there.
  for (const std::string_view whose : {std::string_view(), actor}) {
    HEIM_RETURN_IF_ERROR(session_->Execute(
        kCount, {SqlId(workspace), SqlText(whose), SqlValue(more.bytes), SqlValue(more.files)}));
  }
  return absl::OkStatus();
}

absl::StatusOr<FileRow> Files::Get(const FileId& id) {
  FileRow file;
  HEIM_RETURN_IF_ERROR(QueryOne(*session_, kGet, {SqlId(id)}, FileNotFound,
                                [&](const SqlRow& row) { return ReadFileRow(row, &file); }));
  return file;
}

absl::Status Files::LinkToMessage(const FileId& file, const MessageId& message,
                                  const ChannelId& channel) {
  HEIM_RETURN_IF_ERROR(session_->Execute(kLink, {SqlId(file), SqlId(message), SqlId(channel)}));
  return session_->Execute(kNoSweep, {SqlId(file)}).status();
}

absl::Status Files::ReleaseMessage(const MessageId& message) {
  std::vector<std::string> files;
  HEIM_RETURN_IF_ERROR(session_->Query(kUnlink, {SqlId(message)}, [&](const SqlRow& row) {
    files.push_back(TextOf(row, 0));
    return absl::OkStatus();
  }));
  for (const std::string& file : files) HEIM_RETURN_IF_ERROR(DropUnlinked(file));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Files::DeadBlobs(uint32_t limit) {
  std::vector<std::string> keys;
  HEIM_RETURN_IF_ERROR(session_->Query(kDeadBlobs, {SqlInt(limit)}, [&](const SqlRow& row) {
    keys.push_back(TextOf(row, 0));
    return absl::OkStatus();
  }));
  return keys;
}

absl::Status Files::AddDeadBlob(std::string_view key) {
  if (key.empty()) return absl::OkStatus();
  return session_->Execute(kAddDeadBlob, {SqlText(key)}).status();
}

absl::Status Files::ForgetDeadBlob(std::string_view key) {
  return session_->Execute(kForgetDeadBlob, {SqlText(key)}).status();
}

absl::StatusOr<std::vector<Files::Place>> Files::PlacesOf(const FileId& file) {
  std::vector<Place> places;
  HEIM_RETURN_IF_ERROR(session_->Query(kPlacesOf, {SqlId(file)}, [&](const SqlRow& row) {
    places.push_back({ChannelId(row.Text(0)), UintOf(row, 1)});
    return absl::OkStatus();
  }));
  return places;
}

}  // namespace heim
