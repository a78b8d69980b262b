#include "server/store/workspace_deletions.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/store/files.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

// What one step deletes of a table, and looks at, at most.
constexpr uint32_t kRowsAtOnce = 1000;
constexpr uint32_t kEventsAtOnce = 5000;
constexpr uint32_t kFilesAtOnce = 100;

// What is done stays: the row says that the workspace is none any more.
constexpr char kCount[] =
    "SELECT COUNT(*) FROM workspaces w WHERE NOT EXISTS "
    "(SELECT 1 FROM workspace_deletions d WHERE d.workspace_id = w.id)";
constexpr char kMembers[] =
    "SELECT actor_id FROM workspace_members WHERE workspace_id = $1 ORDER BY actor_id";
constexpr char kTakeOut[] = "DELETE FROM workspace_members WHERE workspace_id = $1";
constexpr char kForgetKeys[] = "DELETE FROM credentials WHERE workspace_id = $1";
// Its id is nobody's name. Readers of its log find the row until they have come to its end.
constexpr char kEmpty[] =
    "UPDATE workspaces SET name = '', slug = id, settings = NULL WHERE id = $1";
constexpr char kRemember[] = "INSERT INTO workspace_deletions (workspace_id, stage) VALUES ($1, 0)";
constexpr char kNext[] =
    "SELECT workspace_id, stage FROM workspace_deletions WHERE stage < 4 "
    "ORDER BY stage, workspace_id LIMIT 1";
constexpr char kSetStage[] = "UPDATE workspace_deletions SET stage = $2 WHERE workspace_id = $1";
constexpr char kDone[] = "UPDATE workspace_deletions SET stage = 4 WHERE workspace_id = $1";
constexpr char kChannels[] = "SELECT id FROM channels WHERE workspace_id = $1 ORDER BY id LIMIT $2";
constexpr char kPurging[] = "SELECT COUNT(*) FROM channel_purges WHERE workspace_id = $1";

constexpr char kFiles[] = "SELECT id FROM files WHERE workspace_id = $1 ORDER BY id LIMIT $2";
constexpr char kUnlink[] = "DELETE FROM file_links WHERE file_id = $1";
constexpr char kDropFile[] = "DELETE FROM files WHERE id = $1";
constexpr char kKeepKey[] =
    "INSERT INTO dead_blobs (blob_key) SELECT blob_key FROM files WHERE id = $1 "
    "ON CONFLICT (blob_key) DO NOTHING";
constexpr std::string_view kKeepKeys[] = {
    "INSERT INTO dead_blobs (blob_key) SELECT blob_key FROM custom_emoji WHERE workspace_id = $1 "
    "ON CONFLICT (blob_key) DO NOTHING",
    "INSERT INTO dead_blobs (blob_key) SELECT archive_key FROM imports "
    "WHERE workspace_id = $1 AND archive_key <> '' ON CONFLICT (blob_key) DO NOTHING",
};

// Some rows of a table, told apart by the other columns of its key.
#define HEIM_ROWS_OF(table, keys)                                                                \
  "DELETE FROM " table " WHERE workspace_id = $1 AND (" keys ") IN (SELECT " keys " FROM " table \
  " WHERE workspace_id = $1 LIMIT $2)"
constexpr std::string_view kRows[] = {
    HEIM_ROWS_OF("invites", "id"),
    HEIM_ROWS_OF("preview_jobs", "message_id"),
    HEIM_ROWS_OF("preview_links", "message_id, url"),
    HEIM_ROWS_OF("preview_pages", "page_key"),
    HEIM_ROWS_OF("notification_preferences", "actor_id"),
    HEIM_ROWS_OF("channel_notifications", "actor_id, channel_id, thread_id"),
    HEIM_ROWS_OF("inbox", "actor_id, id"),
    HEIM_ROWS_OF("saved_items", "actor_id, message_id"),
    HEIM_ROWS_OF("thread_reads", "actor_id, root_id"),
    HEIM_ROWS_OF("message_drafts", "actor_id, channel_id, thread_id"),
    HEIM_ROWS_OF("scheduled_messages", "id"),
    HEIM_ROWS_OF("streams", "id"),
    HEIM_ROWS_OF("membership_intervals", "actor_id, channel_id, from_position"),
    HEIM_ROWS_OF("presence_connected", "actor_id"),
    HEIM_ROWS_OF("file_usage", "actor_id"),
    HEIM_ROWS_OF("credentials", "id"),
    HEIM_ROWS_OF("password_resets", "actor_id"),
    HEIM_ROWS_OF("channel_names", "name"),
    HEIM_ROWS_OF("custom_emoji", "id"),
    HEIM_ROWS_OF("imports", "id"),
    HEIM_ROWS_OF("import_ids", "source, kind, external_id"),
};
constexpr char kGroupMembers[] =
    "DELETE FROM user_group_members WHERE group_id IN "
    "(SELECT g.id FROM user_groups g WHERE g.workspace_id = $1)";
constexpr char kGroups[] = "DELETE FROM user_groups WHERE workspace_id = $1";
constexpr char kEvents[] =
    "DELETE FROM event_log WHERE workspace_id = $1 AND position IN "
    "(SELECT position FROM event_log WHERE workspace_id = $1 ORDER BY position LIMIT $2)";

template <typename Id>
absl::StatusOr<std::vector<Id>> ReadIds(SqlSession& session, std::string_view sql,
                                        absl::Span<const SqlValue> parameters) {
  std::vector<Id> ids;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    ids.emplace_back(row.Text(0));
    return absl::OkStatus();
  }));
  return ids;
}

// Uploads that are in no message any more, with what is in other workspaces' hands left alone: ids
// of files are of one workspace.
absl::StatusOr<bool> EraseFiles(SqlSession& session, const WorkspaceId& workspace) {
  HEIM_ASSIGN_OR_RETURN(const std::vector<FileId> files,
                        ReadIds<FileId>(session, kFiles, {SqlId(workspace), SqlInt(kFilesAtOnce)}));
  for (const FileId& file : files) {
    HEIM_RETURN_IF_ERROR(session.Execute(kUnlink, {SqlId(file)}).status());
    HEIM_RETURN_IF_ERROR(Files(session).DropUnlinked(file.str()));
    // What a draft still had.
    HEIM_RETURN_IF_ERROR(session.Execute(kKeepKey, {SqlId(file)}).status());
    HEIM_RETURN_IF_ERROR(session.Execute(kDropFile, {SqlId(file)}).status());
  }
  return files.size() == kFilesAtOnce;
}

}  // namespace

bool WorkspaceDeletions::Erases(std::string_view table) {
  const std::string begin = StrCat("DELETE FROM ", table, " ");
  const auto deletes = [&](std::string_view sql) { return StartsWith(sql, begin); };
  return std::any_of(std::begin(kRows), std::end(kRows), deletes) || deletes(kTakeOut) ||
         deletes(kGroups) || deletes(kGroupMembers) || deletes(kEvents) || deletes(kDropFile);
}

absl::StatusOr<int64_t> WorkspaceDeletions::CountWorkspaces() {
  return QueryInt(*session_, kCount, {});
}

absl::StatusOr<std::vector<ActorId>> WorkspaceDeletions::MembersOf(const WorkspaceId& workspace) {
  return ReadIds<ActorId>(*session_, kMembers, {SqlId(workspace)});
}

absl::Status WorkspaceDeletions::Begin(const WorkspaceId& workspace) {
  for (const std::string_view sql : {kTakeOut, kForgetKeys, kEmpty, kRemember}) {
    HEIM_RETURN_IF_ERROR(session_->Execute(sql, {SqlId(workspace)}).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<WorkspaceDeletion>> WorkspaceDeletions::Next() {
  std::optional<WorkspaceDeletion> found;
  HEIM_RETURN_IF_ERROR(session_->Query(kNext, {}, [&](const SqlRow& row) {
    found.emplace();
    found->workspace_id = WorkspaceId(row.Text(0));
    found->stage = static_cast<WorkspaceDeletion::Stage>(row.Int(1));
    return absl::OkStatus();
  }));
  return found;
}

absl::StatusOr<std::vector<ChannelId>> WorkspaceDeletions::Channels(const WorkspaceId& workspace,
                                                                    uint32_t limit) {
  return ReadIds<ChannelId>(*session_, kChannels, {SqlId(workspace), SqlInt(limit)});
}

absl::StatusOr<bool> WorkspaceDeletions::IsPurging(const WorkspaceId& workspace) {
  HEIM_ASSIGN_OR_RETURN(const int64_t purges, QueryInt(*session_, kPurging, {SqlId(workspace)}));
  return purges > 0;
}

absl::Status WorkspaceDeletions::SetStage(const WorkspaceDeletion& deletion) {
  return session_
      ->Execute(kSetStage,
                {SqlId(deletion.workspace_id), SqlEnum(static_cast<int>(deletion.stage))})
      .status();
}

absl::StatusOr<bool> WorkspaceDeletions::EraseRows(const WorkspaceId& workspace) {
  for (const std::string_view sql : kKeepKeys) {
    HEIM_RETURN_IF_ERROR(session_->Execute(sql, {SqlId(workspace)}).status());
  }
  bool more = false;
  for (const std::string_view sql : kRows) {
    HEIM_ASSIGN_OR_RETURN(const int64_t erased,
                          session_->Execute(sql, {SqlId(workspace), SqlInt(kRowsAtOnce)}));
    more = more || erased == kRowsAtOnce;
  }
  HEIM_ASSIGN_OR_RETURN(const bool more_files, EraseFiles(*session_, workspace));
  if (more || more_files) return false;
  HEIM_RETURN_IF_ERROR(session_->Execute(kGroupMembers, {SqlId(workspace)}).status());
  HEIM_RETURN_IF_ERROR(session_->Execute(kGroups, {SqlId(workspace)}).status());
  return true;
}

absl::StatusOr<bool> WorkspaceDeletions::EraseLog(const WorkspaceId& workspace) {
  HEIM_ASSIGN_OR_RETURN(const int64_t erased,
                        session_->Execute(kEvents, {SqlId(workspace), SqlInt(kEventsAtOnce)}));
  if (erased == kEventsAtOnce) return false;
  HEIM_RETURN_IF_ERROR(session_->Execute(kDone, {SqlId(workspace)}).status());
  return true;
}

}  // namespace heim
