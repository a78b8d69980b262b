#include "server/store/audit_entries.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/base/crypto.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kTakeNumber[] =
    "INSERT INTO audit_heads (workspace_id, sequence, at_ms, hash) VALUES ($1, 1, $2, $3) "
    "ON CONFLICT (workspace_id) DO UPDATE SET sequence = audit_heads.sequence + 1, at_ms = "
    "CASE WHEN audit_heads.at_ms > $2 THEN audit_heads.at_ms ELSE $2 END "
    "RETURNING sequence, at_ms, hash";
constexpr char kSetHash[] = "UPDATE audit_heads SET hash = $2 WHERE workspace_id = $1";
constexpr char kHead[] = "SELECT sequence, hash FROM audit_heads WHERE workspace_id = $1";
constexpr char kInsert[] =
    "INSERT INTO audit_entries (workspace_id, sequence, at_ms, action, result, actor_id, "
    "on_behalf_of, credential_type, credential_id, subject_kind, subject_id, method, request_id, "
    "reason, origin_digest, changes_digest, hash, origin, changes) VALUES ($1, $2, $3, $4, $5, $6, "
    "$7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
constexpr char kSelect[] =
    "SELECT sequence, at_ms, action, result, actor_id, on_behalf_of, credential_type, "
    "credential_id, subject_kind, subject_id, method, request_id, reason, origin_digest, "
    "changes_digest, hash, origin, changes FROM audit_entries "
    "WHERE workspace_id = $1 AND sequence > $2 AND sequence < $3";
// Conditions, each with one parameter, whose number follows.
constexpr char kOfActor[] = " AND actor_id = $";
constexpr char kOfAction[] = " AND action = $";
constexpr char kActionFrom[] = " AND action >= $";
constexpr char kActionBelow[] = " AND action < $";
constexpr char kOfKind[] = " AND subject_kind = $";
constexpr char kOfSubject[] = " AND subject_id = $";
constexpr char kOfResult[] = " AND result = $";
// Lets the partial index on refused ones be used.
constexpr char kRefused[] = " AND result <> 1";
constexpr char kOfCredential[] = " AND credential_id = $";
constexpr char kNewestFirst[] = " ORDER BY sequence DESC LIMIT $";
constexpr char kOldestFirst[] = " ORDER BY sequence LIMIT $";
// Times do not fall as numbers rise, so a time is a number.
constexpr char kFirstSince[] =
    "SELECT sequence FROM audit_entries WHERE workspace_id = $1 AND at_ms >= $2 "
    "ORDER BY at_ms, sequence LIMIT 1";
constexpr char kForgetOrigin[] =
    "UPDATE audit_entries SET origin = NULL WHERE actor_id = $1 AND origin IS NOT NULL";
constexpr char kForgetChanges[] =
    "UPDATE audit_entries SET changes = NULL WHERE changes IS NOT NULL AND (subject_id = $1 OR "
    "(actor_id = $1 AND subject_kind IN ('key', 'session', 'token')))";

// Each part behind its length, so that no two rows give the same bytes.
void AddText(std::string_view text, std::string* bytes) {
  StrAppend(bytes, text.size(), ":", text);
}
void AddNumber(int64_t number, std::string* bytes) { StrAppend(bytes, number, ";"); }

std::string JoinIds(const std::vector<std::string>& ids) { return absl::StrJoin(ids, " "); }

AuditRow RowOf(const SqlRow& row) {
  AuditRow entry;
  entry.sequence = UintOf(row, 0);
  entry.at = TimeOfMillis(row.Int(1));
  entry.action = TextOf(row, 2);
  entry.result = static_cast<v1::AuditResult>(row.Int(3));
  entry.actor_id = ActorId(TextOf(row, 4));
  entry.on_behalf_of = absl::StrSplit(TextOf(row, 5), ' ', absl::SkipEmpty());
  entry.credential_type = static_cast<v1::CredentialType>(row.Int(6));
  entry.credential_id = TextOf(row, 7);
  entry.subject_kind = TextOf(row, 8);
  entry.subject_id = TextOf(row, 9);
  entry.method = TextOf(row, 10);
  entry.request_id = TextOf(row, 11);
  entry.reason = static_cast<v1::ErrorReason>(row.Int(12));
  entry.origin_digest = std::string(row.Blob(13));
  entry.changes_digest = std::string(row.Blob(14));
  entry.hash = std::string(row.Blob(15));
  if (!row.IsNull(16)) entry.origin = std::string(row.Blob(16));
  if (!row.IsNull(17)) entry.changes = std::string(row.Blob(17));
  return entry;
}

// The number of the first entry at or after the time; nullopt: all are before it.
absl::StatusOr<std::optional<uint64_t>> FirstSince(SqlSession& session,
                                                   const WorkspaceId& workspace, absl::Time time) {
  std::optional<uint64_t> first;
  HEIM_RETURN_IF_ERROR(
      session.Query(kFirstSince, {SqlId(workspace), SqlTime(time)}, [&](const SqlRow& row) {
        first = UintOf(row, 0);
        return absl::OkStatus();
      }));
  return first;
}

// A statement that grows by conditions.
struct Statement {
  std::string sql = kSelect;
  std::vector<SqlValue> values;

  void Add(const char* condition, SqlValue value) {
    values.push_back(value);
    StrAppend(&sql, condition, values.size());
  }
};

}  // namespace

std::string SaltedAuditPart(const std::string& salt, const v1::AuditEntry& fields) {
  return StrCat(salt, fields.SerializeAsString());
}

std::string AuditHash(const std::string& previous, const WorkspaceId& workspace,
                      const AuditRow& row) {
  std::string bytes;
  for (const std::string_view text :
       {std::string_view(previous), std::string_view(workspace.str())}) {
    AddText(text, &bytes);
  }
  AddNumber(static_cast<int64_t>(row.sequence), &bytes);
  AddNumber(absl::ToUnixMillis(row.at), &bytes);
  AddNumber(row.result, &bytes);
  AddNumber(row.credential_type, &bytes);
  AddNumber(row.reason, &bytes);
  const std::string behalf = JoinIds(row.on_behalf_of);
  for (const std::string* text :
       {&row.action, &row.actor_id.str(), &behalf, &row.credential_id, &row.subject_kind,
        &row.subject_id, &row.method, &row.request_id, &row.origin_digest, &row.changes_digest}) {
    AddText(*text, &bytes);
  }
  return Sha256(bytes);
}

bool AuditPartsHold(const AuditRow& row) {
  if (row.origin.has_value() && Sha256(*row.origin) != row.origin_digest) return false;
  return !row.changes.has_value() || Sha256(*row.changes) == row.changes_digest;
}

absl::StatusOr<uint64_t> AuditEntries::Append(const WorkspaceId& workspace, AuditRow row) {
  const std::string nothing;
  std::string previous;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kTakeNumber, {SqlId(workspace), SqlTime(row.at), SqlBlob(nothing)}, [&](const SqlRow& head) {
        row.sequence = UintOf(head, 0);
        row.at = TimeOfMillis(head.Int(1));
        previous = std::string(head.Blob(2));
        return absl::OkStatus();
      }));
  row.origin_digest = Sha256(row.origin.value_or(""));
  row.changes_digest = Sha256(row.changes.value_or(""));
  row.hash = AuditHash(previous, workspace, row);
  const std::string behalf = JoinIds(row.on_behalf_of);
  HEIM_RETURN_IF_ERROR(session_->Execute(
      kInsert,
      {SqlId(workspace), SqlInt(row.sequence), SqlTime(row.at), SqlText(row.action),
       SqlEnum(row.result), SqlId(row.actor_id), SqlText(behalf), SqlEnum(row.credential_type),
       SqlText(row.credential_id), SqlText(row.subject_kind), SqlText(row.subject_id),
       SqlText(row.method), SqlText(row.request_id), SqlEnum(row.reason),
       SqlBlob(row.origin_digest), SqlBlob(row.changes_digest), SqlBlob(row.hash),
       row.origin.has_value() ? SqlBlob(*row.origin) : SqlValue(nullptr),
       row.changes.has_value() ? SqlBlob(*row.changes) : SqlValue(nullptr)}));
  HEIM_RETURN_IF_ERROR(session_->Execute(kSetHash, {SqlId(workspace), SqlBlob(row.hash)}));
  return row.sequence;
}

absl::StatusOr<std::vector<AuditRow>> AuditEntries::List(const WorkspaceId& workspace,
                                                         const AuditQuery& query, Order order,
                                                         uint64_t after, uint64_t before,
                                                         uint32_t limit) {
  std::vector<AuditRow> entries;
  if (query.since.has_value()) {
    HEIM_ASSIGN_OR_RETURN(const auto first, FirstSince(*session_, workspace, *query.since));
    if (!first.has_value()) return entries;
    after = std::max(after, *first - 1);
  }
  if (query.until.has_value()) {
    HEIM_ASSIGN_OR_RETURN(const auto first, FirstSince(*session_, workspace, *query.until));
    if (first.has_value()) before = std::min(before, *first);
  }
  Statement statement;
  statement.values = {SqlId(workspace), SqlInt(after), SqlInt(before)};
  if (!query.actor_id.empty()) statement.Add(kOfActor, SqlText(query.actor_id));
  std::string below = query.action;
  if (EndsWith(query.action, ".")) {
    below.back() = '.' + 1;
    statement.Add(kActionFrom, SqlText(query.action));
    statement.Add(kActionBelow, SqlText(below));
  } else if (!query.action.empty()) {
    statement.Add(kOfAction, SqlText(query.action));
  }
  if (!query.subject_kind.empty()) statement.Add(kOfKind, SqlText(query.subject_kind));
  if (!query.subject_id.empty()) statement.Add(kOfSubject, SqlText(query.subject_id));
  if (query.result != v1::AUDIT_RESULT_UNSPECIFIED) {
    statement.Add(kOfResult, SqlEnum(query.result));
    if (query.result != v1::AUDIT_RESULT_SUCCEEDED) statement.sql += kRefused;
  }
  if (!query.credential_id.empty()) statement.Add(kOfCredential, SqlText(query.credential_id));
  statement.Add(order == Order::kNewestFirst ? kNewestFirst : kOldestFirst, SqlInt(limit));
  HEIM_RETURN_IF_ERROR(session_->Query(statement.sql, statement.values, [&](const SqlRow& row) {
    entries.push_back(RowOf(row));
    return absl::OkStatus();
  }));
  return entries;
}

absl::StatusOr<AuditHead> AuditEntries::Head(const WorkspaceId& workspace) {
  AuditHead head;
  HEIM_RETURN_IF_ERROR(session_->Query(kHead, {SqlId(workspace)}, [&](const SqlRow& row) {
    head.sequence = UintOf(row, 0);
    head.hash = std::string(row.Blob(1));
    return absl::OkStatus();
  }));
  return head;
}

absl::StatusOr<int64_t> AuditEntries::AnonymiseActor(const ActorId& actor) {
  HEIM_ASSIGN_OR_RETURN(const int64_t origins, session_->Execute(kForgetOrigin, {SqlId(actor)}));
  HEIM_ASSIGN_OR_RETURN(const int64_t changes, session_->Execute(kForgetChanges, {SqlId(actor)}));
  return origins + changes;
}

}  // namespace heim
