#include "server/store/drafts.h"

#include <optional>
#include <utility>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/kept_answer.h"
#include "server/model/time.h"
#include "server/store/logged_event.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kPeekPosition[] = "SELECT position + 1 FROM workspace_log WHERE workspace_id = $1";
constexpr char kNextPosition[] =
    "UPDATE workspace_log SET position = position + 1 WHERE workspace_id = $1 RETURNING position";
constexpr char kInsertEvent[] =
    "INSERT INTO event_log (workspace_id, position, kind, channel_id, to_actor_id, message_id, "
    "payload) VALUES ($1, $2, $3, $4, $5, $6, $7)";
absl::StatusOr<AppliedDraft> Apply(SqlSession& session, const Clock& clock, Draft& draft) {
  AppliedDraft applied;
  if (draft.idempotency.has_value()) {
    HEIM_ASSIGN_OR_RETURN(std::optional<KeptAnswer> kept,
                          KeptAnswers(session).Find(*draft.idempotency, clock.Now()));
    if (kept.has_value()) {
      applied.committed.replayed = true;
      applied.committed.stored_response = std::move(kept->response);
      applied.committed.http_status = kept->http_status;
      return applied;
    }
  }
  LogWriteTx tx(session, clock);
  HEIM_RETURN_IF_ERROR(draft.apply(tx));
  if (draft.idempotency.has_value()) {
    HEIM_RETURN_IF_ERROR(tx.answers.Keep(*draft.idempotency, tx.answer(), clock.Now()));
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

void LogWriteTx::SetResponse(const google::protobuf::Message& response, int http_status) {
  answer_ = {response.SerializeAsString(), http_status, MessageIdIn(response),
             ChannelIdIn(response)};
}

absl::StatusOr<AppliedDraft> ApplyDraft(SqlSession& session, const Clock& clock, Draft& draft) {
  absl::StatusOr<AppliedDraft> applied = Apply(session, clock, draft);
  if (!applied.ok()) return StoreError(applied.status());
  return applied;
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
