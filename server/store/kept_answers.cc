#include "server/store/kept_answers.h"

#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/kept_answer.h"
#include "server/model/limits.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kFind[] =
    "SELECT request_hash, response, http_status FROM idempotency "
    "WHERE actor_id = $1 AND method = $2 AND key = $3 AND created_at > $4 "
    "AND (channel_id IS NULL OR EXISTS (SELECT 1 FROM channels c "
    "WHERE c.id = idempotency.channel_id))";
constexpr char kKeep[] =
    "INSERT INTO idempotency (actor_id, method, key, created_at, request_hash, response, "
    "http_status, message_id, channel_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) "
    "ON CONFLICT (actor_id, method, key) DO UPDATE SET "
    "created_at = excluded.created_at, request_hash = excluded.request_hash, "
    "response = excluded.response, http_status = excluded.http_status, "
    "message_id = excluded.message_id, channel_id = excluded.channel_id";
constexpr char kOfMessage[] =
    "SELECT actor_id, method, key, response FROM idempotency WHERE message_id = $1";
constexpr char kSetResponse[] =
    "UPDATE idempotency SET response = $4 WHERE actor_id = $1 AND method = $2 AND key = $3";
constexpr char kPurge[] = "DELETE FROM idempotency WHERE created_at <= $1";

}  // namespace

absl::StatusOr<std::optional<KeptAnswer>> KeptAnswers::Find(const IdempotencyKey& key,
                                                            absl::Time now) {
  std::optional<KeptAnswer> answer;
  bool conflict = false;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kFind,
      {SqlId(key.actor_id), SqlText(key.method), SqlText(key.key), SqlTime(now - kIdempotencyKept)},
      [&](const SqlRow& row) {
        conflict = row.Blob(0) != key.request_hash;
        answer.emplace();
        answer->response = std::string(row.Blob(1));
        answer->http_status = static_cast<int>(row.Int(2));
        return absl::OkStatus();
      }));
  if (conflict) {
    return MakeError(v1::ERROR_REASON_IDEMPOTENCY_CONFLICT,
                     "The idempotency key was used with another request");
  }
  return answer;
}

absl::Status KeptAnswers::Keep(const IdempotencyKey& key, const KeptAnswer& answer,
                               absl::Time now) {
  return session_
      ->Execute(kKeep,
                {SqlId(key.actor_id), SqlText(key.method), SqlText(key.key), SqlTime(now),
                 SqlBlob(key.request_hash), SqlBlob(answer.response), SqlInt(answer.http_status),
                 SqlTextOrNull(answer.message_id), SqlTextOrNull(answer.channel_id)})
      .status();
}

absl::Status KeptAnswers::ScrubMessage(const v1::Message& tombstone) {
  return RewriteMessage(MessageId(tombstone.id()),
                        [&](v1::Message* message) { *message = tombstone; });
}

absl::Status KeptAnswers::RewriteMessage(const MessageId& id,
                                         absl::FunctionRef<void(v1::Message*)> rewrite) {
  struct Row {
    std::string actor_id, method, key, response;
  };
  std::vector<Row> rows;
  HEIM_RETURN_IF_ERROR(session_->Query(kOfMessage, {SqlId(id)}, [&](const SqlRow& row) {
    rows.push_back({TextOf(row, 0), TextOf(row, 1), TextOf(row, 2), std::string(row.Blob(3))});
    return absl::OkStatus();
  }));
  for (const Row& row : rows) {
    const std::string scrubbed = WithRewritten(row.method, row.response, rewrite);
    HEIM_RETURN_IF_ERROR(session_
                             ->Execute(kSetResponse, {SqlText(row.actor_id), SqlText(row.method),
                                                      SqlText(row.key), SqlBlob(scrubbed)})
                             .status());
  }
  return absl::OkStatus();
}

absl::Status KeptAnswers::Purge(absl::Time now) {
  return session_->Execute(kPurge, {SqlTime(now - kIdempotencyKept)}).status();
}

}  // namespace heim
