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
constexpr char kUnlink[] = "DELETE FROM file_links WHERE message_id = $1";
constexpr char kPlacesOf[] =
    "SELECT l.channel_id, COALESCE(MAX(m.seq), 0) FROM file_links l "
    "LEFT JOIN messages m ON m.id = l.message_id "
    "WHERE l.file_id = $1 GROUP BY l.channel_id ORDER BY l.channel_id";

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

absl::Status Files::UnlinkMessage(const MessageId& message) {
  return session_->Execute(kUnlink, {SqlId(message)}).status();
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
