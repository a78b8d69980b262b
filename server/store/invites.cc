#include "server/store/invites.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

#define HEIM_INVITE_SELECT                                                                    \
  "SELECT id, workspace_id, created_by, max_uses, use_count, expires_at, revoked_at, record " \
  "FROM invites "
// At the time $2.
#define HEIM_INVITE_OPEN \
  "revoked_at IS NULL AND expires_at > $2 AND (max_uses = 0 OR use_count < max_uses)"

constexpr char kInsert[] =
    "INSERT INTO invites (id, workspace_id, code_hash, created_by, max_uses, use_count, "
    "expires_at, revoked_at, record) VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, $8)";
constexpr char kGet[] = HEIM_INVITE_SELECT "WHERE id = $1";
constexpr char kFindByHash[] = HEIM_INVITE_SELECT "WHERE code_hash = $1";
constexpr char kListOf[] = HEIM_INVITE_SELECT
    "WHERE workspace_id = $1 AND ($3 = 1 OR (" HEIM_INVITE_OPEN
    ")) AND ($4 = '' OR created_by = $4) AND ($5 = '' OR id < $5) ORDER BY id DESC LIMIT $6";
constexpr char kCountOpen[] =
    "SELECT COUNT(*) FROM invites WHERE workspace_id = $1 AND " HEIM_INVITE_OPEN;
constexpr char kTakeUse[] =
    "UPDATE invites SET use_count = use_count + 1 WHERE id = $1 AND " HEIM_INVITE_OPEN;
constexpr char kRevoke[] =
    "UPDATE invites SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";

absl::StatusOr<v1::Invite> ReadInvite(const SqlRow& row) {
  v1::Invite invite;
  HEIM_RETURN_IF_ERROR(ParseColumn(row, 7, &invite));
  invite.set_id(TextOf(row, 0));
  invite.set_workspace_id(TextOf(row, 1));
  invite.set_created_by(TextOf(row, 2));
  invite.set_max_uses(static_cast<uint32_t>(row.Int(3)));
  invite.set_use_count(static_cast<uint32_t>(row.Int(4)));
  *invite.mutable_expires_at() = TimestampOfMillis(row.Int(5));
  if (!row.IsNull(6)) *invite.mutable_revoked_at() = TimestampOfMillis(row.Int(6));
  return invite;
}

absl::StatusOr<v1::Invite> GetInvite(SqlSession& session, std::string_view sql,
                                     std::string_view key) {
  v1::Invite invite;
  HEIM_RETURN_IF_ERROR(
      QueryOne(session, sql, {SqlText(key)}, InviteNotFound, [&](const SqlRow& row) {
        HEIM_ASSIGN_OR_RETURN(invite, ReadInvite(row));
        return absl::OkStatus();
      }));
  return invite;
}

}  // namespace

absl::Status Invites::Insert(const v1::Invite& invite, std::string_view code_hash) {
  v1::Invite record = invite;
  record.clear_id();
  record.clear_workspace_id();
  record.clear_created_by();
  record.clear_max_uses();
  record.clear_use_count();
  record.clear_expires_at();
  record.clear_revoked_at();
  const std::string bytes = record.SerializeAsString();
  return session_
      ->Execute(kInsert, {SqlText(invite.id()), SqlText(invite.workspace_id()), SqlText(code_hash),
                          SqlText(invite.created_by()), SqlInt(invite.max_uses()),
                          SqlInt(invite.use_count()), SqlTime(invite.expires_at()), SqlBlob(bytes)})
      .status();
}

absl::StatusOr<v1::Invite> Invites::Get(const InviteId& id) {
  return GetInvite(*session_, kGet, id.str());
}

absl::StatusOr<v1::Invite> Invites::FindByHash(std::string_view code_hash) {
  return GetInvite(*session_, kFindByHash, code_hash);
}

absl::StatusOr<std::vector<v1::Invite>> Invites::ListOf(const WorkspaceId& workspace,
                                                        const InviteFilter& filter) {
  std::vector<v1::Invite> invites;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kListOf,
                      {SqlId(workspace), SqlTime(filter.now), SqlBool(filter.include_ended),
                       SqlId(filter.created_by), SqlText(filter.before_id), SqlInt(filter.limit)},
                      [&](const SqlRow& row) {
                        HEIM_ASSIGN_OR_RETURN(v1::Invite invite, ReadInvite(row));
                        invites.push_back(std::move(invite));
                        return absl::OkStatus();
                      }));
  return invites;
}

absl::StatusOr<int64_t> Invites::CountOpen(const WorkspaceId& workspace, absl::Time now) {
  return QueryInt(*session_, kCountOpen, {SqlId(workspace), SqlTime(now)});
}

absl::StatusOr<bool> Invites::TakeUse(const InviteId& id, absl::Time now) {
  HEIM_ASSIGN_OR_RETURN(const int64_t changed,
                        session_->Execute(kTakeUse, {SqlId(id), SqlTime(now)}));
  return changed != 0;
}

absl::StatusOr<bool> Invites::Revoke(const InviteId& id, absl::Time at) {
  HEIM_ASSIGN_OR_RETURN(const int64_t changed,
                        session_->Execute(kRevoke, {SqlId(id), SqlTime(at)}));
  return changed != 0;
}

}  // namespace heim
