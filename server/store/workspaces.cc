#include "server/store/workspaces.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

#define HEIM_WORKSPACE_COLUMNS \
  "w.id, w.name, w.slug, w.owner_id, w.settings, w.created_at, w.revision "

constexpr char kInsert[] =
    "INSERT INTO workspaces (id, name, slug, owner_id, settings, created_at, revision) "
    "VALUES ($1, $2, $3, $4, $5, $6, $7)";
constexpr char kInsertLog[] =
    "INSERT INTO workspace_log (workspace_id, position, epoch) VALUES ($1, 0, $2)";
constexpr char kGet[] = "SELECT " HEIM_WORKSPACE_COLUMNS "FROM workspaces w WHERE w.id = $1";
constexpr char kGetByIdOrSlug[] =
    "SELECT " HEIM_WORKSPACE_COLUMNS
    "FROM workspaces w WHERE w.id = $1 OR w.slug = $1 ORDER BY CASE WHEN w.id = $1 THEN 0 ELSE 1 "
    "END LIMIT 1";
constexpr char kFirst[] = "SELECT " HEIM_WORKSPACE_COLUMNS
                          "FROM workspaces w WHERE NOT EXISTS "
                          "(SELECT 1 FROM workspace_deletions d WHERE d.workspace_id = w.id) "
                          "ORDER BY w.created_at, w.id LIMIT 1";
constexpr char kUpdate[] =
    "UPDATE workspaces SET name = $2, slug = $3, owner_id = $4, settings = $5, revision = $6 "
    "WHERE id = $1";
constexpr char kListOf[] =
    "SELECT " HEIM_WORKSPACE_COLUMNS
    "FROM workspaces w JOIN workspace_members m ON m.workspace_id = w.id AND m.actor_id = $1 "
    "WHERE (w.name, w.id) > ($2, $3) ORDER BY w.name, w.id LIMIT $4";
constexpr char kInsertMember[] =
    "INSERT INTO workspace_members (workspace_id, actor_id, role, joined_at) "
    "VALUES ($1, $2, $3, $4)";
#define HEIM_MEMBER_SELECT                              \
  "SELECT m.role, m.joined_at, " HEIM_ACTOR_REF_COLUMNS \
  " FROM workspace_members m JOIN actors a ON a.id = m.actor_id "
constexpr char kGetMember[] = HEIM_MEMBER_SELECT "WHERE m.workspace_id = $1 AND m.actor_id = $2";
constexpr char kListMembers[] =
    HEIM_MEMBER_SELECT "WHERE m.workspace_id = $1 AND a.username > $2 ORDER BY a.username LIMIT $3";
constexpr char kSetRole[] =
    "UPDATE workspace_members SET role = $3 WHERE workspace_id = $1 AND actor_id = $2";
constexpr char kRemoveMember[] =
    "DELETE FROM workspace_members WHERE workspace_id = $1 AND actor_id = $2";
constexpr char kCountOwners[] =
    "SELECT COUNT(*) FROM workspace_members m JOIN actors a ON a.id = m.actor_id "
    "WHERE m.workspace_id = $1 AND m.role = 1 AND a.deleted_at IS NULL";
constexpr char kCurrentOf[] =
    "SELECT workspace_id FROM workspace_members WHERE actor_id = $1 "
    "ORDER BY last_used DESC, joined_at, workspace_id LIMIT 1";
constexpr char kSetCurrent[] =
    "UPDATE workspace_members SET last_used = "
    "(SELECT MAX(x.last_used) + 1 FROM workspace_members x WHERE x.actor_id = $2) "
    "WHERE workspace_id = $1 AND actor_id = $2";
constexpr char kMetaGet[] = "SELECT value FROM meta WHERE key = $1";
constexpr char kMetaSet[] =
    "INSERT INTO meta (key, value) VALUES ($1, $2) "
    "ON CONFLICT (key) DO UPDATE SET value = excluded.value";

absl::StatusOr<v1::Workspace> ReadWorkspace(const SqlRow& row) {
  v1::Workspace workspace;
  workspace.set_id(TextOf(row, 0));
  workspace.set_name(TextOf(row, 1));
  workspace.set_slug(TextOf(row, 2));
  workspace.set_owner_id(TextOf(row, 3));
  if (!row.IsNull(4)) HEIM_RETURN_IF_ERROR(ParseColumn(row, 4, workspace.mutable_settings()));
  *workspace.mutable_created_at() = TimestampOfMillis(row.Int(5));
  workspace.set_revision(static_cast<uint32_t>(row.Int(6)));
  return workspace;
}

absl::StatusOr<v1::Workspace> GetWorkspace(SqlSession& session, std::string_view sql,
                                           absl::Span<const SqlValue> parameters) {
  v1::Workspace workspace;
  HEIM_RETURN_IF_ERROR(
      QueryOne(session, sql, parameters, WorkspaceNotFound, [&](const SqlRow& row) {
        HEIM_ASSIGN_OR_RETURN(workspace, ReadWorkspace(row));
        return absl::OkStatus();
      }));
  return workspace;
}

v1::WorkspaceMember ReadMember(const SqlRow& row, const WorkspaceId& workspace) {
  v1::WorkspaceMember member;
  member.set_workspace_id(workspace.str());
  member.set_role(static_cast<v1::WorkspaceRole>(row.Int(0)));
  *member.mutable_joined_at() = TimestampOfMillis(row.Int(1));
  ReadActorRef(row, 2, member.mutable_actor());
  return member;
}

SqlValue SettingsOf(const v1::Workspace& workspace, const std::string& bytes) {
  return workspace.has_settings() ? SqlBlob(bytes) : SqlValue(nullptr);
}

absl::Status SlugTaken(const absl::Status& status) {
  if (!IsTaken(status, "slug")) return status;
  return MakeError(v1::ERROR_REASON_SLUG_TAKEN, "This short name is in use");
}

}  // namespace

absl::Status Workspaces::Insert(const v1::Workspace& workspace, std::string_view epoch) {
  const std::string settings = workspace.settings().SerializeAsString();
  const absl::Status status =
      session_
          ->Execute(kInsert,
                    {SqlText(workspace.id()), SqlText(workspace.name()), SqlText(workspace.slug()),
                     SqlText(workspace.owner_id()), SettingsOf(workspace, settings),
                     SqlTime(workspace.created_at()), SqlInt(workspace.revision())})
          .status();
  if (!status.ok()) return SlugTaken(status);
  return session_->Execute(kInsertLog, {SqlText(workspace.id()), SqlText(epoch)}).status();
}

absl::StatusOr<v1::Workspace> Workspaces::Get(const WorkspaceId& id) {
  return GetWorkspace(*session_, kGet, {SqlId(id)});
}

absl::StatusOr<v1::Workspace> Workspaces::GetByIdOrSlug(std::string_view id_or_slug) {
  return GetWorkspace(*session_, kGetByIdOrSlug, {SqlText(id_or_slug)});
}

absl::StatusOr<v1::Workspace> Workspaces::First() { return GetWorkspace(*session_, kFirst, {}); }

absl::Status Workspaces::Update(const v1::Workspace& workspace) {
  const std::string settings = workspace.settings().SerializeAsString();
  const absl::StatusOr<int64_t> changed =
      session_->Execute(kUpdate, {SqlText(workspace.id()), SqlText(workspace.name()),
                                  SqlText(workspace.slug()), SqlText(workspace.owner_id()),
                                  SettingsOf(workspace, settings), SqlInt(workspace.revision())});
  if (!changed.ok()) return SlugTaken(changed.status());
  return *changed == 0 ? WorkspaceNotFound() : absl::OkStatus();
}

absl::StatusOr<std::vector<v1::Workspace>> Workspaces::ListOf(const ActorId& actor,
                                                              std::string_view after_name,
                                                              std::string_view after_id,
                                                              uint32_t limit) {
  std::vector<v1::Workspace> workspaces;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kListOf, {SqlId(actor), SqlText(after_name), SqlText(after_id), SqlInt(limit)},
      [&](const SqlRow& row) {
        HEIM_ASSIGN_OR_RETURN(v1::Workspace workspace, ReadWorkspace(row));
        workspaces.push_back(std::move(workspace));
        return absl::OkStatus();
      }));
  return workspaces;
}

absl::Status Workspaces::InsertMember(const WorkspaceId& workspace, const ActorId& actor,
                                      v1::WorkspaceRole role, absl::Time joined_at) {
  const absl::Status status = session_
                                  ->Execute(kInsertMember, {SqlId(workspace), SqlId(actor),
                                                            SqlEnum(role), SqlTime(joined_at)})
                                  .status();
  if (status.code() != absl::StatusCode::kAlreadyExists) return status;
  return MakeError(v1::ERROR_REASON_ALREADY_MEMBER, "The actor is in the workspace already");
}

absl::StatusOr<v1::WorkspaceMember> Workspaces::GetMember(const WorkspaceId& workspace,
                                                          const ActorId& actor) {
  v1::WorkspaceMember member;
  HEIM_RETURN_IF_ERROR(QueryOne(*session_, kGetMember, {SqlId(workspace), SqlId(actor)},
                                MemberNotFound, [&](const SqlRow& row) {
                                  member = ReadMember(row, workspace);
                                  return absl::OkStatus();
                                }));
  return member;
}

absl::StatusOr<std::vector<v1::WorkspaceMember>> Workspaces::ListMembers(
    const WorkspaceId& workspace, std::string_view after_username, uint32_t limit) {
  std::vector<v1::WorkspaceMember> members;
  HEIM_RETURN_IF_ERROR(session_->Query(kListMembers,
                                       {SqlId(workspace), SqlText(after_username), SqlInt(limit)},
                                       [&](const SqlRow& row) {
                                         members.push_back(ReadMember(row, workspace));
                                         return absl::OkStatus();
                                       }));
  return members;
}

absl::Status Workspaces::SetRole(const WorkspaceId& workspace, const ActorId& actor,
                                 v1::WorkspaceRole role) {
  HEIM_ASSIGN_OR_RETURN(
      const int64_t changed,
      session_->Execute(kSetRole, {SqlId(workspace), SqlId(actor), SqlEnum(role)}));
  return changed == 0 ? MemberNotFound() : absl::OkStatus();
}

absl::Status Workspaces::RemoveMember(const WorkspaceId& workspace, const ActorId& actor) {
  HEIM_ASSIGN_OR_RETURN(const int64_t changed,
                        session_->Execute(kRemoveMember, {SqlId(workspace), SqlId(actor)}));
  return changed == 0 ? MemberNotFound() : absl::OkStatus();
}

absl::StatusOr<int64_t> Workspaces::CountOwners(const WorkspaceId& workspace) {
  return QueryInt(*session_, kCountOwners, {SqlId(workspace)});
}

absl::StatusOr<WorkspaceId> Workspaces::CurrentOf(const ActorId& actor) {
  WorkspaceId current;
  HEIM_RETURN_IF_ERROR(
      QueryOne(*session_, kCurrentOf, {SqlId(actor)}, WorkspaceNotFound, [&](const SqlRow& row) {
        current = WorkspaceId(row.Text(0));
        return absl::OkStatus();
      }));
  return current;
}

absl::Status Workspaces::SetCurrent(const ActorId& actor, const WorkspaceId& workspace) {
  HEIM_ASSIGN_OR_RETURN(const int64_t changed,
                        session_->Execute(kSetCurrent, {SqlId(workspace), SqlId(actor)}));
  return changed == 0 ? WorkspaceNotFound() : absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> Meta::Get(std::string_view key) {
  std::optional<std::string> value;
  HEIM_RETURN_IF_ERROR(session_->Query(kMetaGet, {SqlText(key)}, [&](const SqlRow& row) {
    value = TextOf(row, 0);
    return absl::OkStatus();
  }));
  return value;
}

absl::Status Meta::Set(std::string_view key, std::string_view value) {
  return session_->Execute(kMetaSet, {SqlText(key), SqlText(value)}).status();
}

}  // namespace heim
