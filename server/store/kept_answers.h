// Answers kept under idempotency keys, so that a repeat of a call gets the first one. A view over a
// transaction's session: cheap to copy, same thread as the transaction. Calls block on the
// database.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/message.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

// Who repeated what: scope of an idempotency key is actor + method, 24 h.
struct IdempotencyKey {
  ActorId actor_id;
  std::string method;
  std::string key;
  std::string request_hash;  // SHA-256 of the request; another hash under the same key is
                             // IDEMPOTENCY_CONFLICT
};

struct KeptAnswer {
  std::string response;    // serialised, without secrets
  int http_status = 0;     // 0: the method's own
  std::string message_id;  // the message that it carries; empty for none
  std::string channel_id;  // the channel that it is about; empty for none
};

class KeptAnswers {
 public:
  explicit KeptAnswers(SqlSession& session) : session_(&session) {}

  // Nullopt when the key is new or too old to count, or its channel was purged.
  // IDEMPOTENCY_CONFLICT.
  absl::StatusOr<std::optional<KeptAnswer>> Find(const IdempotencyKey& key, absl::Time now);
  absl::Status Keep(const IdempotencyKey& key, const KeptAnswer& answer, absl::Time now);
  // Puts the tombstone in the place of a deleted message in every answer that carries it.
  absl::Status ScrubMessage(const v1::Message& tombstone);
  // The same with any change to the message.
  absl::Status RewriteMessage(const MessageId& id, absl::FunctionRef<void(v1::Message*)> rewrite);
  // Deletes what no longer counts.
  absl::Status Purge(absl::Time now);

 private:
  SqlSession* session_;
};

}  // namespace heim
