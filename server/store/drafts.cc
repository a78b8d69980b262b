#include "server/store/drafts.h"

#include <optional>
#include <utility>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/time.h"
#include "server/store/logged_event.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr absl::Duration kKeysKept = absl::Hours(24);

constexpr char kPeekPosition[] = "SELECT position + 1 FROM workspace_log WHERE workspace_id = $1";
constexpr char kNextPosition[] =
    "UPDATE workspace_log SET position = position + 1 WHERE workspace_id = $1 RETURNING position";
constexpr char kInsertEvent[] =
    "INSERT INTO event_log (workspace_id, position, kind, channel_id, to_actor_id, message_id, "
    "payload) VALUES ($1, $2, $3, $4, $5, $6, $7)";
constexpr char kFindKey[] =
    "SELECT request_hash, response FROM idempotency "
    "WHERE actor_id = $1 AND method = $2 AND key = $3 AND created_at > $4";
constexpr char kStoreKey[] =
    "INSERT INTO idempotency (actor_id, method, key, created_at, request_hash, response) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (actor_id, method, key) DO UPDATE SET "
    "created_at = excluded.created_at, request_hash = excluded.request_hash, "
    "response = excluded.response";
constexpr char kPurgeKeys[] = "DELETE FROM idempotency WHERE created_at <= $1";

// The stored answer, or nullopt when the key is new or too old to count.
absl::StatusOr<std::optional<std::string>> FindKey(SqlSession& session, const IdempotencyKey& key,
                                                   absl::Time now) {
  std::optional<std::string> response;
  bool conflict = false;
  HEIM_RETURN_IF_ERROR(session.Query(
      kFindKey,
      {SqlId(key.actor_id), SqlText(key.method), SqlText(key.key), SqlTime(now - kKeysKept)},
      [&](const SqlRow& row) {
        conflict = row.Blob(0) != key.request_hash;
        response = std::string(row.Blob(1));
        return absl::OkStatus();
      }));
  if (conflict) {
    return MakeError(v1::ERROR_REASON_IDEMPOTENCY_CONFLICT,
                     "The idempotency key was used with another request");
  }
  return response;
}

absl::Status StoreKey(SqlSession& session, const IdempotencyKey& key, const std::string& response,
                      absl::Time now) {
  return session
      .Execute(kStoreKey, {SqlId(key.actor_id), SqlText(key.method), SqlText(key.key), SqlTime(now),
                           SqlBlob(key.request_hash), SqlBlob(response)})
      .status();
}

absl::StatusOr<AppliedDraft> Apply(SqlSession& session, const Clock& clock, Draft& draft) {
  AppliedDraft applied;
  if (draft.idempotency.has_value()) {
    HEIM_ASSIGN_OR_RETURN(std::optional<std::string> stored,
                          FindKey(session, *draft.idempotency, clock.Now()));
    if (stored.has_value()) {
      applied.committed.replayed = true;
      applied.committed.stored_response = *std::move(stored);
      return applied;
    }
  }
  LogWriteTx tx(session, clock);
  HEIM_RETURN_IF_ERROR(draft.apply(tx));
  if (draft.idempotency.has_value()) {
    HEIM_RETURN_IF_ERROR(StoreKey(session, *draft.idempotency, tx.response(), clock.Now()));
  }
  applied.committed.position = tx.last_position();
  applied.events = tx.TakeEvents();
  return applied;
}

}  // namespace

absl::StatusOr<uint64_t> LogWriteTx::PeekPosition(const WorkspaceId& workspace) {
  uint64_t position = 0;
  HEIM_RETURN_IF_ERROR(QueryOne(session_, kPeekPosition, {SqlId(workspace)}, WorkspaceNotFound,
                                [&](const SqlRow& row) {
                                  position = UintOf(row, 0);
                                  return absl::OkStatus();
                                }));
  return position;
}

absl::StatusOr<uint64_t> LogWriteTx::Emit(const WorkspaceId& workspace, v1::Event event) {
  uint64_t position = 0;
  HEIM_RETURN_IF_ERROR(QueryOne(session_, kNextPosition, {SqlId(workspace)}, WorkspaceNotFound,
                                [&](const SqlRow& row) {
                                  position = UintOf(row, 0);
                                  return absl::OkStatus();
                                }));
  event.set_position(position);
  if (!event.has_timestamp()) *event.mutable_timestamp() = ToTimestamp(clock_.Now());

  auto committed = std::make_shared<CommittedEvent>();
  committed->workspace_id = workspace;
  committed->position = position;
  committed->bytes = event.SerializeAsString();
  const std::string message_id = IndexedMessageOf(event);
  HEIM_RETURN_IF_ERROR(session_.Execute(
      kInsertEvent, {SqlId(workspace), SqlInt(position), SqlEnum(event.payload_case()),
                     SqlText(event.channel_id()), SqlText(event.to_actor_id()),
                     SqlTextOrNull(message_id), SqlBlob(committed->bytes)}));
  committed->event = std::make_shared<const v1::Event>(std::move(event));
  events_.push_back(std::move(committed));
  last_position_ = position;
  return position;
}

void LogWriteTx::SetResponse(const google::protobuf::Message& response) {
  response_ = response.SerializeAsString();
}

absl::StatusOr<AppliedDraft> ApplyDraft(SqlSession& session, const Clock& clock, Draft& draft) {
  absl::StatusOr<AppliedDraft> applied = Apply(session, clock, draft);
  if (!applied.ok()) return StoreError(applied.status());
  return applied;
}

absl::Status PurgeIdempotencyKeys(SqlSession& session, absl::Time now) {
  return session.Execute(kPurgeKeys, {SqlTime(now - kKeysKept)}).status();
}

absl::Status StoreError(const absl::Status& status) {
  if (status.ok() || ReasonOf(status) != v1::ERROR_REASON_UNSPECIFIED) return status;
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      LogError("The database failed", {{"error", status}});
      return MakeError(v1::ERROR_REASON_STORE_UNAVAILABLE,
                       "The database did not take the change; nothing was stored");
    case absl::StatusCode::kInternal:
      LogError("The database failed", {{"error", status}});
      return absl::InternalError("a fault of the store");
    default:
      return status;
  }
}

}  // namespace heim
