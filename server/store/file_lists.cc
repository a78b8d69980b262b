// Lists of files, and how many bytes they are.
#include "server/base/status_macros.h"
#include "server/store/files.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

// Ids rise with time; "g" comes after each of them.
constexpr char kAfterAll[] = "g";

constexpr char kUploads[] =
    "SELECT f.body FROM files f WHERE f.workspace_id = $1 AND f.actor_id = $2 AND f.id < $3 "
    "AND f.deleted_at = 0 AND f.hidden = 0 AND (CAST($4 AS BIGINT) = 0 OR f.kind = $4) "
    "ORDER BY f.id DESC LIMIT $5";
// A file that several messages have is listed once, for the last of them that may be read.
constexpr char kInChannel[] =
    "SELECT f.body FROM file_links l JOIN messages m ON m.id = l.message_id "
    "JOIN files f ON f.id = l.file_id WHERE l.channel_id = $1 AND l.file_id < $2 AND m.seq >= $3 "
    "AND f.deleted_at = 0 AND f.hidden = 0 AND (CAST($4 AS BIGINT) = 0 OR f.kind = $4) "
    "AND (CAST($5 AS TEXT) = '' OR f.actor_id = $5) "
    "AND NOT EXISTS (SELECT 1 FROM file_links o JOIN messages x ON x.id = o.message_id "
    "WHERE o.channel_id = l.channel_id AND o.file_id = l.file_id AND o.message_id > l.message_id "
    "AND x.seq >= $3) ORDER BY l.file_id DESC LIMIT $6";
constexpr char kUsage[] =
    "SELECT bytes, files FROM file_usage WHERE workspace_id = $1 AND actor_id = $2";

absl::StatusOr<std::vector<v1::File>> ReadFiles(SqlSession& session, std::string_view sql,
                                                absl::Span<const SqlValue> parameters) {
  std::vector<v1::File> files;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    return ParseColumn(row, 0, &files.emplace_back());
  }));
  return files;
}

SqlValue Before(const FilePage& page) {
  return page.before_id.empty() ? SqlText(kAfterAll) : SqlText(page.before_id);
}

}  // namespace

absl::StatusOr<std::vector<v1::File>> Files::ListUploads(const WorkspaceId& workspace,
                                                         const FilePage& page) {
  return ReadFiles(*session_, kUploads,
                   {SqlId(workspace), SqlText(page.actor), Before(page), SqlEnum(page.kind),
                    SqlInt(page.limit)});
}

absl::StatusOr<std::vector<v1::File>> Files::ListInChannel(const ChannelId& channel,
                                                           uint64_t from_seq,
                                                           const FilePage& page) {
  return ReadFiles(*session_, kInChannel,
                   {SqlId(channel), Before(page), SqlInt(from_seq), SqlEnum(page.kind),
                    SqlText(page.actor), SqlInt(page.limit)});
}

absl::StatusOr<FileUsageRow> Files::Usage(const WorkspaceId& workspace, const ActorId& actor) {
  FileUsageRow usage;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kUsage, {SqlId(workspace), SqlId(actor)}, [&](const SqlRow& row) {
        usage = {row.Int(0), row.Int(1)};
        return absl::OkStatus();
      }));
  return usage;
}

}  // namespace heim
