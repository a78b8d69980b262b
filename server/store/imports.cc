#include "server/store/imports.h"

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

#define HEIM_IMPORT_SELECT "SELECT body, archive_key, archive_until FROM imports "

constexpr char kInsert[] =
    "INSERT INTO imports (id, workspace_id, state, archive_key, archive_until, body) "
    "VALUES ($1, $2, $3, $4, $5, $6)";
constexpr char kGet[] = HEIM_IMPORT_SELECT "WHERE id = $1";
constexpr char kUpdate[] =
    "UPDATE imports SET state = $2, archive_key = $3, archive_until = $4, body = $5 WHERE id = $1";
constexpr char kIsRunning[] =
    "SELECT COUNT(*) FROM imports WHERE workspace_id = $1 AND state <= 2 AND id <> $2";
constexpr char kList[] =
    HEIM_IMPORT_SELECT "WHERE workspace_id = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3";
constexpr char kRunning[] = "SELECT id FROM imports WHERE state <= 2 ORDER BY id";
constexpr char kOutlived[] = HEIM_IMPORT_SELECT
    "WHERE archive_key <> '' AND archive_until <= $1 AND state > 2 ORDER BY archive_until LIMIT $2";
constexpr char kFind[] =
    "SELECT new_id, done FROM import_ids "
    "WHERE workspace_id = $1 AND source = $2 AND kind = $3 AND external_id = $4";
constexpr char kPut[] =
    "INSERT INTO import_ids (workspace_id, source, kind, external_id, new_id, done) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (workspace_id, source, kind, external_id) "
    "DO UPDATE SET new_id = excluded.new_id, done = excluded.done";
constexpr char kInsertVersion[] =
    "INSERT INTO message_versions (message_id, revision, body) VALUES ($1, $2, $3) "
    "ON CONFLICT (message_id, revision) DO NOTHING";
constexpr char kMoveChannel[] = "UPDATE channels SET last_seq = $2 WHERE id = $1";
constexpr char kMoveMembers[] =
    "UPDATE channel_members SET last_read_seq = $3 WHERE channel_id = $1 AND last_read_seq >= $2";
constexpr char kMoveThread[] =
    "INSERT INTO thread_reads (actor_id, root_id, workspace_id, channel_id, following, "
    "last_read_seq, last_read_at) SELECT DISTINCT m.actor_id, $1, $2, $3, 1, CAST($4 AS BIGINT), 0 "
    "FROM messages m JOIN channel_members c ON c.channel_id = $3 AND c.actor_id = m.actor_id "
    "WHERE (m.id = $1 OR m.thread_id = $1) AND m.is_system = 0 "
    "ON CONFLICT (actor_id, root_id) DO UPDATE SET last_read_seq = "
    "CASE WHEN thread_reads.last_read_seq >= $5 THEN excluded.last_read_seq "
    "ELSE thread_reads.last_read_seq END";
constexpr char kForgetCopies[] =
    "DELETE FROM message_forwards WHERE original_id IN (SELECT i.new_id FROM import_ids i "
    "WHERE i.workspace_id = $1 AND i.source = $2 AND i.done = 0)";
constexpr char kForgetReserved[] =
    "DELETE FROM import_ids WHERE workspace_id = $1 AND source = $2 AND done = 0";
// 1 is the kind of actors, 4 the role of guests.
constexpr char kMissing[] =
    "SELECT w.actor_id FROM import_ids i JOIN workspace_members w "
    "ON w.workspace_id = i.workspace_id AND w.actor_id = i.new_id AND w.role <> 4 "
    "WHERE i.workspace_id = $1 AND i.source = $2 AND i.kind = 1 AND NOT EXISTS (SELECT 1 "
    "FROM channel_members m WHERE m.channel_id = $3 AND m.actor_id = i.new_id) "
    "ORDER BY w.actor_id LIMIT $4";
constexpr char kRenewEpoch[] = "UPDATE workspace_log SET epoch = $2 WHERE workspace_id = $1";

absl::Status IsRunningError() {
  return MakeError(v1::ERROR_REASON_IMPORT_RUNNING, "Another import into the workspace runs");
}

absl::Status ReadImport(const SqlRow& row, ImportRow* out) {
  HEIM_RETURN_IF_ERROR(ParseColumn(row, 0, &out->import));
  out->archive_key = TextOf(row, 1);
  out->archive_until = TimeOfMillis(row.Int(2));
  return absl::OkStatus();
}

bool IsRunning(const v1::Import& import) { return import.state() <= v1::IMPORT_STATE_RUNNING; }

}  // namespace

absl::Status Imports::Insert(const ImportRow& row) {
  HEIM_ASSIGN_OR_RETURN(const int64_t others,
                        QueryInt(*session_, kIsRunning,
                                 {SqlText(row.import.workspace_id()), SqlText(row.import.id())}));
  if (others != 0 && IsRunning(row.import)) return IsRunningError();
  const std::string body = row.import.SerializeAsString();
  const absl::Status status =
      session_
          ->Execute(kInsert, {SqlText(row.import.id()), SqlText(row.import.workspace_id()),
                              SqlEnum(row.import.state()), SqlText(row.archive_key),
                              SqlTime(row.archive_until), SqlBlob(body)})
          .status();
  // Two at once.
  return absl::IsAlreadyExists(status) ? IsRunningError() : status;
}

absl::StatusOr<ImportRow> Imports::Get(const std::string& id) {
  ImportRow found;
  const auto missing = [] { return NotFound(v1::ERROR_REASON_IMPORT_NOT_FOUND); };
  HEIM_RETURN_IF_ERROR(QueryOne(*session_, kGet, {SqlText(id)}, missing,
                                [&](const SqlRow& row) { return ReadImport(row, &found); }));
  return found;
}

absl::Status Imports::Update(const ImportRow& row) {
  if (IsRunning(row.import)) {
    HEIM_ASSIGN_OR_RETURN(const int64_t others,
                          QueryInt(*session_, kIsRunning,
                                   {SqlText(row.import.workspace_id()), SqlText(row.import.id())}));
    if (others != 0) return IsRunningError();
  }
  const std::string body = row.import.SerializeAsString();
  const absl::Status status =
      session_
          ->Execute(kUpdate, {SqlText(row.import.id()), SqlEnum(row.import.state()),
                              SqlText(row.archive_key), SqlTime(row.archive_until), SqlBlob(body)})
          .status();
  return absl::IsAlreadyExists(status) ? IsRunningError() : status;
}

absl::StatusOr<std::vector<v1::Import>> Imports::List(const WorkspaceId& workspace,
                                                      std::string_view before_id, uint32_t limit) {
  std::vector<v1::Import> found;
  HEIM_RETURN_IF_ERROR(session_->Query(kList, {SqlId(workspace), SqlText(before_id), SqlInt(limit)},
                                       [&](const SqlRow& row) {
                                         ImportRow one;
                                         HEIM_RETURN_IF_ERROR(ReadImport(row, &one));
                                         found.push_back(std::move(one.import));
                                         return absl::OkStatus();
                                       }));
  return found;
}

absl::StatusOr<std::vector<std::string>> Imports::Running() {
  std::vector<std::string> ids;
  HEIM_RETURN_IF_ERROR(session_->Query(kRunning, {}, [&](const SqlRow& row) {
    ids.push_back(TextOf(row, 0));
    return absl::OkStatus();
  }));
  return ids;
}

absl::StatusOr<std::vector<ImportRow>> Imports::Outlived(absl::Time now, uint32_t limit) {
  std::vector<ImportRow> found;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kOutlived, {SqlTime(now), SqlInt(limit)},
                      [&](const SqlRow& row) { return ReadImport(row, &found.emplace_back()); }));
  return found;
}

absl::StatusOr<std::optional<ImportedId>> Imports::Find(const SourceId& id) {
  std::optional<ImportedId> found;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kFind,
      {SqlId(id.workspace), SqlText(id.source), SqlEnum(static_cast<int>(id.kind)), SqlText(id.id)},
      [&](const SqlRow& row) {
        found = ImportedId{TextOf(row, 0), row.Int(1) != 0};
        return absl::OkStatus();
      }));
  return found;
}

absl::Status Imports::Put(const SourceId& id, const ImportedId& imported) {
  return session_
      ->Execute(kPut, {SqlId(id.workspace), SqlText(id.source), SqlEnum(static_cast<int>(id.kind)),
                       SqlText(id.id), SqlText(imported.new_id), SqlBool(imported.done)})
      .status();
}

absl::Status Imports::InsertVersion(const MessageId& message, const v1::MessageVersion& version) {
  v1::Message said;
  said.set_content(version.content());
  said.set_content_type(version.content_type());
  *said.mutable_parts() = version.parts();
  if (version.has_created_at()) *said.mutable_edited_at() = version.created_at();
  const std::string bytes = said.SerializeAsString();
  return session_
      ->Execute(kInsertVersion, {SqlId(message), SqlInt(version.revision()), SqlBlob(bytes)})
      .status();
}

absl::Status Imports::MoveChannel(const ChannelId& channel, uint64_t from, uint64_t to) {
  HEIM_RETURN_IF_ERROR(session_->Execute(kMoveChannel, {SqlId(channel), SqlInt(to)}));
  return session_->Execute(kMoveMembers, {SqlId(channel), SqlInt(from), SqlInt(to)}).status();
}

absl::Status Imports::MoveThread(const ThreadMove& move) {
  return session_
      ->Execute(kMoveThread, {SqlId(move.root), SqlId(move.workspace), SqlId(move.channel),
                              SqlInt(move.to), SqlInt(move.from)})
      .status();
}

absl::Status Imports::ForgetReserved(const WorkspaceId& workspace, std::string_view source) {
  HEIM_RETURN_IF_ERROR(session_->Execute(kForgetCopies, {SqlId(workspace), SqlText(source)}));
  return session_->Execute(kForgetReserved, {SqlId(workspace), SqlText(source)}).status();
}

absl::StatusOr<std::vector<ActorId>> Imports::Missing(const WorkspaceId& workspace,
                                                      std::string_view source,
                                                      const ChannelId& channel, uint32_t limit) {
  std::vector<ActorId> actors;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kMissing, {SqlId(workspace), SqlText(source), SqlId(channel), SqlInt(limit)},
                      [&](const SqlRow& row) {
                        actors.emplace_back(row.Text(0));
                        return absl::OkStatus();
                      }));
  return actors;
}

absl::Status Imports::RenewEpoch(const WorkspaceId& workspace, std::string_view epoch) {
  return session_->Execute(kRenewEpoch, {SqlId(workspace), SqlText(epoch)}).status();
}

}  // namespace heim
