// CommitReply is the one way a handler changes something: the draft carries the call's idempotency
// key, the answer and the audit entry are kept with the change, and the Reply is completed from the
// commit's continuation. Any thread; never blocks.
//
// Context and request live until the Reply is completed, so `apply` and `after` may refer to them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "server/service/audit.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

// What a draft of this call is deduplicated by; nullopt without a key or a caller.
std::optional<IdempotencyKey> IdempotencyOf(const CallContext& context);

// Keeps the answer and its status for a repeat of the call, without secrets (fields marked
// sensitive).
void KeepResponse(WriteTx& tx, const CallContext& context,
                  const google::protobuf::Message& response);

// `apply` runs on the writer's thread, with an empty response, more than once when its batch is
// tried again. `after` runs when the change is committed and was no replay, before the reply:
// caches are dropped and sockets closed there. It must not block.
template <class Response>
void CommitReply(Store& store, CallContext& context, Reply<Response> reply,
                 std::function<absl::Status(WriteTx&, Response*)> apply,
                 std::function<void(const Response&)> after = {}) {
  auto response = std::make_shared<Response>();
  Draft draft;
  draft.idempotency = IdempotencyOf(context);
  draft.apply = [response, &context, keep = draft.idempotency.has_value(),
                 apply = std::move(apply)](WriteTx& tx) -> absl::Status {
    response->Clear();
    if (absl::Status status = apply(tx, response.get()); !status.ok()) return status;
    if (!context.audit_action.empty()) {
      if (absl::Status status = EnterAudit(tx, context, *response); !status.ok()) return status;
    }
    if (keep) KeepResponse(tx, context, *response);
    return absl::OkStatus();
  };
  store.Commit(std::move(draft),
               [response, &context, reply = std::move(reply),
                after = std::move(after)](absl::StatusOr<Committed> committed) mutable {
                 if (!committed.ok()) return reply(committed.status());
                 if (committed->replayed) {
                   Response first;
                   if (!first.ParseFromString(committed->stored_response)) {
                     return reply(absl::InternalError("stored response does not parse"));
                   }
                   context.http_status = committed->http_status;
                   return reply(std::move(first));
                 }
                 if (after) after(*response);
                 reply(std::move(*response));
               });
}

}  // namespace heim
