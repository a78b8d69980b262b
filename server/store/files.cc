#include "server/store/files.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kInsert[] =
    "INSERT INTO files (id, workspace_id, actor_id, blob_key, body) VALUES ($1, $2, $3, $4, $5)";
constexpr char kGet[] = "SELECT workspace_id, blob_key, body FROM files WHERE id = $1";
constexpr char kLink[] =
    "INSERT INTO file_links (file_id, message_id, channel_id) VALUES ($1, $2, $3) "
    "ON CONFLICT (file_id, message_id) DO NOTHING";
constexpr char kPlacesOf[] =
    "SELECT l.channel_id, COALESCE(MAX(m.seq), 0) FROM file_links l "
    "LEFT JOIN messages m ON m.id = l.message_id "
    "WHERE l.file_id = $1 GROUP BY l.channel_id ORDER BY l.channel_id";
constexpr char kUnlink[] = "DELETE FROM file_links WHERE message_id = $1 RETURNING file_id";
constexpr char kKeepKey[] =
    "INSERT INTO dead_blobs (blob_key) SELECT f.blob_key FROM files f WHERE f.id = $1 "
    "AND NOT EXISTS (SELECT 1 FROM file_links l WHERE l.file_id = f.id) "
    "ON CONFLICT (blob_key) DO NOTHING";
constexpr char kDeleteUnlinked[] =
    "DELETE FROM files WHERE id = $1 "
    "AND NOT EXISTS (SELECT 1 FROM file_links l WHERE l.file_id = files.id)";
constexpr char kDeadBlobs[] = "SELECT blob_key FROM dead_blobs ORDER BY blob_key LIMIT $1";
constexpr char kForgetDeadBlob[] = "DELETE FROM dead_blobs WHERE blob_key = $1";

}  // namespace

absl::Status Files::Insert(const FileRow& row) {
  const std::string body = row.file.SerializeAsString();
  return session_
      ->Execute(kInsert, {SqlText(row.file.id()), SqlId(row.workspace_id),
                          SqlText(row.file.actor_id()), SqlText(row.blob_key), SqlBlob(body)})
      .status();
}

absl::StatusOr<FileRow> Files::Get(const FileId& id) {
  FileRow file;
  HEIM_RETURN_IF_ERROR(QueryOne(*session_, kGet, {SqlId(id)}, FileNotFound, [&](const SqlRow& row) {
    file.workspace_id = WorkspaceId(row.Text(0));
    file.blob_key = TextOf(row, 1);
    return ParseColumn(row, 2, &file.file);
  }));
  return file;
}

absl::Status Files::LinkToMessage(const FileId& file, const MessageId& message,
                                  const ChannelId& channel) {
  return session_->Execute(kLink, {SqlId(file), SqlId(message), SqlId(channel)}).status();
}

absl::Status Files::ReleaseMessage(const MessageId& message) {
  std::vector<std::string> files;
  HEIM_RETURN_IF_ERROR(session_->Query(kUnlink, {SqlId(message)}, [&](const SqlRow& row) {
    files.push_back(TextOf(row, 0));
    return absl::OkStatus();
  }));
  for (const std::string& file : files) {
    HEIM_RETURN_IF_ERROR(session_->Execute(kKeepKey, {SqlText(file)}).status());
    HEIM_RETURN_IF_ERROR(session_->Execute(kDeleteUnlinked, {SqlText(file)}).status());
  }
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
