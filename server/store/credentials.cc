#include "server/store/credentials.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/time.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

#define HEIM_CREDENTIAL_SELECT                                                     \
  "SELECT type, workspace_id, secret_hash, record, last_used_at, revoked_at, id, " \
  "actor_id, created_at FROM credentials "

// 1 is the type of passwords.
constexpr char kInsert[] =
    "INSERT INTO credentials (id, actor_id, type, workspace_id, secret_hash, created_at, "
    "last_used_at, revoked_at, record) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
constexpr char kFindByHash[] = HEIM_CREDENTIAL_SELECT "WHERE secret_hash = $1 AND type <> 1";
constexpr char kGet[] = HEIM_CREDENTIAL_SELECT "WHERE id = $1";
constexpr char kListOf[] = HEIM_CREDENTIAL_SELECT
    "WHERE actor_id = $1 AND type = $2 AND ($3 = '' OR id < $3) ORDER BY id DESC LIMIT $4";
constexpr char kRevoke[] =
    "UPDATE credentials SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
constexpr char kRevokeAllOf[] =
    "UPDATE credentials SET revoked_at = $2 WHERE actor_id = $1 AND type <> 1 "
    "AND revoked_at IS NULL RETURNING id";
constexpr char kSetRecord[] = "UPDATE credentials SET record = $2 WHERE id = $1";
constexpr char kTouch[] = "UPDATE credentials SET last_used_at = $2 WHERE id = $1";
constexpr char kPasswordOf[] =
    "SELECT id, secret_hash FROM credentials WHERE actor_id = $1 AND type = 1";
constexpr char kSetPassword[] =
    "INSERT INTO credentials (id, actor_id, type, workspace_id, secret_hash, created_at, record) "
    "VALUES ($1, $2, 1, '', $3, $4, $5) ON CONFLICT (actor_id) WHERE type = 1 "
    "DO UPDATE SET id = excluded.id, secret_hash = excluded.secret_hash, "
    "created_at = excluded.created_at";
constexpr char kUsePassword[] =
    "UPDATE credentials SET secret_hash = $3, last_used_at = $4 "
    "WHERE actor_id = $1 AND type = 1 AND id = $2";

constexpr char kInsertSession[] =
    "INSERT INTO sessions (id, actor_id, created_at, last_seen_at, expires_at, revoked_at, "
    "user_agent, address) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
#define HEIM_SESSION_SELECT                                                                     \
  "SELECT actor_id, created_at, last_seen_at, expires_at, revoked_at, user_agent, address, id " \
  "FROM sessions "
constexpr char kGetSession[] = HEIM_SESSION_SELECT "WHERE id = $1";
constexpr char kListSessions[] = HEIM_SESSION_SELECT
    "WHERE actor_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND ($3 = '' OR id < $3) "
    "ORDER BY id DESC LIMIT $4";
constexpr char kSweepSessions[] = "DELETE FROM sessions WHERE actor_id = $1 AND expires_at <= $2";
constexpr char kExtend[] = "UPDATE sessions SET last_seen_at = $2, expires_at = $3 WHERE id = $1";
constexpr char kRevokeSession[] =
    "UPDATE sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
constexpr char kRevokeSessionsOf[] =
    "UPDATE sessions SET revoked_at = $2 WHERE actor_id = $1 AND revoked_at IS NULL "
    "AND expires_at > $2 AND id <> $3 RETURNING id";

absl::StatusOr<CredentialRow> ReadCredential(const SqlRow& row) {
  CredentialRow credential;
  credential.type = static_cast<v1::CredentialType>(row.Int(0));
  credential.workspace_id = WorkspaceId(row.Text(1));
  credential.secret_hash = TextOf(row, 2);
  v1::ApiKey& record = credential.record;
  HEIM_RETURN_IF_ERROR(ParseColumn(row, 3, &record));
  if (!row.IsNull(4)) *record.mutable_last_used_at() = TimestampOfMillis(row.Int(4));
  if (!row.IsNull(5)) *record.mutable_revoked_at() = TimestampOfMillis(row.Int(5));
  record.set_id(TextOf(row, 6));
  record.set_actor_id(TextOf(row, 7));
  *record.mutable_created_at() = TimestampOfMillis(row.Int(8));
  return credential;
}

absl::StatusOr<CredentialRow> GetCredential(SqlSession& session, std::string_view sql,
                                            std::string_view key) {
  CredentialRow credential;
  HEIM_RETURN_IF_ERROR(QueryOne(session, sql, {SqlText(key)}, KeyNotFound, [&](const SqlRow& row) {
    HEIM_ASSIGN_OR_RETURN(credential, ReadCredential(row));
    return absl::OkStatus();
  }));
  return credential;
}

SessionRow ReadSession(const SqlRow& row) {
  SessionRow session;
  session.actor_id = ActorId(row.Text(0));
  session.created_at = TimeOfMillis(row.Int(1));
  session.last_seen_at = TimeOfMillis(row.Int(2));
  session.expires_at = TimeOfMillis(row.Int(3));
  if (!row.IsNull(4)) session.revoked_at = TimeOfMillis(row.Int(4));
  session.user_agent = TextOf(row, 5);
  session.address = TextOf(row, 6);
  session.id = SessionId(row.Text(7));
  return session;
}

template <typename Id>
absl::StatusOr<std::vector<Id>> RevokeAll(SqlSession& session, std::string_view sql,
                                          absl::Span<const SqlValue> parameters) {
  std::vector<Id> ids;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    ids.emplace_back(row.Text(0));
    return absl::OkStatus();
  }));
  return ids;
}

}  // namespace

absl::Status CredentialRows::Insert(const CredentialRow& row) {
  v1::ApiKey record = row.record;
  const bool used = record.has_last_used_at();
  const bool revoked = record.has_revoked_at();
  const SqlValue last_used_at = SqlTimeOrNull(used, record.last_used_at());
  const SqlValue revoked_at = SqlTimeOrNull(revoked, record.revoked_at());
  record.clear_last_used_at();
  record.clear_revoked_at();
  const std::string bytes = record.SerializeAsString();
  return session_
      ->Execute(kInsert, {SqlText(record.id()), SqlText(record.actor_id()), SqlEnum(row.type),
                          SqlId(row.workspace_id), SqlText(row.secret_hash),
                          SqlTime(record.created_at()), last_used_at, revoked_at, SqlBlob(bytes)})
      .status();
}

absl::StatusOr<CredentialRow> CredentialRows::FindByHash(std::string_view secret_hash) {
  return GetCredential(*session_, kFindByHash, secret_hash);
}

absl::StatusOr<CredentialRow> CredentialRows::Get(const KeyId& id) {
  return GetCredential(*session_, kGet, id.str());
}

absl::StatusOr<std::vector<v1::ApiKey>> CredentialRows::ListOf(const ActorId& actor,
                                                               v1::CredentialType type,
                                                               std::string_view before_id,
                                                               uint32_t limit) {
  std::vector<v1::ApiKey> keys;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kListOf, {SqlId(actor), SqlEnum(type), SqlText(before_id), SqlInt(limit)},
                      [&](const SqlRow& row) {
                        HEIM_ASSIGN_OR_RETURN(CredentialRow credential, ReadCredential(row));
                        keys.push_back(std::move(credential.record));
                        return absl::OkStatus();
                      }));
  return keys;
}

absl::Status CredentialRows::SetRecord(const v1::ApiKey& record) {
  v1::ApiKey kept = record;
  kept.clear_last_used_at();
  kept.clear_revoked_at();
  const std::string bytes = kept.SerializeAsString();
  HEIM_ASSIGN_OR_RETURN(const int64_t changed,
                        session_->Execute(kSetRecord, {SqlText(record.id()), SqlBlob(bytes)}));
  return changed == 0 ? KeyNotFound() : absl::OkStatus();
}

absl::StatusOr<bool> CredentialRows::Revoke(const KeyId& id, absl::Time at) {
  HEIM_ASSIGN_OR_RETURN(const int64_t changed,
                        session_->Execute(kRevoke, {SqlId(id), SqlTime(at)}));
  return changed != 0;
}

absl::StatusOr<std::vector<KeyId>> CredentialRows::RevokeAllOf(const ActorId& actor,
                                                               absl::Time at) {
  return RevokeAll<KeyId>(*session_, kRevokeAllOf, {SqlId(actor), SqlTime(at)});
}

absl::Status CredentialRows::TouchLastUsed(const KeyId& id, absl::Time at) {
  return session_->Execute(kTouch, {SqlId(id), SqlTime(at)}).status();
}

absl::StatusOr<PasswordRow> CredentialRows::PasswordOf(const ActorId& actor) {
  PasswordRow password;
  HEIM_RETURN_IF_ERROR(
      QueryOne(*session_, kPasswordOf, {SqlId(actor)}, KeyNotFound, [&](const SqlRow& row) {
        password.id = KeyId(row.Text(0));
        password.hash = TextOf(row, 1);
        return absl::OkStatus();
      }));
  return password;
}

absl::StatusOr<bool> CredentialRows::UsePassword(const ActorId& actor, const PasswordRow& password,
                                                 absl::Time at) {
  HEIM_ASSIGN_OR_RETURN(const int64_t changed,
                        session_->Execute(kUsePassword, {SqlId(actor), SqlId(password.id),
                                                         SqlText(password.hash), SqlTime(at)}));
  return changed != 0;
}

absl::Status CredentialRows::SetPassword(const ActorId& actor, const KeyId& new_id,
                                         std::string_view hash, absl::Time at) {
  return session_
      ->Execute(kSetPassword,
                {SqlId(new_id), SqlId(actor), SqlText(hash), SqlTime(at), SqlBlob("")})
      .status();
}

absl::Status Sessions::Insert(const SessionRow& row) {
  const SqlValue revoked =
      row.revoked_at.has_value() ? SqlTime(*row.revoked_at) : SqlValue(nullptr);
  return session_
      ->Execute(kInsertSession, {SqlId(row.id), SqlId(row.actor_id), SqlTime(row.created_at),
                                 SqlTime(row.last_seen_at), SqlTime(row.expires_at), revoked,
                                 SqlText(row.user_agent), SqlText(row.address)})
      .status();
}

absl::StatusOr<SessionRow> Sessions::Get(const SessionId& id) {
  SessionRow session;
  HEIM_RETURN_IF_ERROR(QueryOne(
      *session_, kGetSession, {SqlId(id)},
      [] { return Unauthenticated("The session is not known"); },
      [&](const SqlRow& row) {
        session = ReadSession(row);
        return absl::OkStatus();
      }));
  return session;
}

absl::StatusOr<std::vector<SessionRow>> Sessions::ListOf(const ActorId& actor, absl::Time now,
                                                         std::string_view before_id,
                                                         uint32_t limit) {
  std::vector<SessionRow> sessions;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kListSessions, {SqlId(actor), SqlTime(now), SqlText(before_id), SqlInt(limit)},
      [&](const SqlRow& row) {
        sessions.push_back(ReadSession(row));
        return absl::OkStatus();
      }));
  return sessions;
}

absl::Status Sessions::Sweep(const ActorId& actor, absl::Time now) {
  return session_->Execute(kSweepSessions, {SqlId(actor), SqlTime(now)}).status();
}

absl::Status Sessions::Extend(const SessionId& id, absl::Time last_seen_at, absl::Time expires_at) {
  return session_->Execute(kExtend, {SqlId(id), SqlTime(last_seen_at), SqlTime(expires_at)})
      .status();
}

absl::StatusOr<bool> Sessions::Revoke(const SessionId& id, absl::Time at) {
  HEIM_ASSIGN_OR_RETURN(const int64_t changed,
                        session_->Execute(kRevokeSession, {SqlId(id), SqlTime(at)}));
  return changed != 0;
}

absl::StatusOr<std::vector<SessionId>> Sessions::RevokeAllOf(const ActorId& actor, absl::Time at,
                                                             const SessionId& keep) {
  return RevokeAll<SessionId>(*session_, kRevokeSessionsOf,
                              {SqlId(actor), SqlTime(at), SqlId(keep)});
}

}  // namespace heim
