#include "server/service/commit_reply.h"

#include "server/model/sensitive.h"

namespace heim {

std::optional<IdempotencyKey> IdempotencyOf(const CallContext& context) {
  if (context.idempotency_key.empty() || !context.caller.authenticated()) return std::nullopt;
  return IdempotencyKey{context.caller.actor_id, context.method, context.idempotency_key,
                        context.request_hash};
}

void KeepResponse(WriteTx& tx, const CallContext& context,
                  const google::protobuf::Message& response) {
  const std::unique_ptr<google::protobuf::Message> kept(response.New());
  kept->CopyFrom(response);
  ClearSensitive(kept.get());
  tx.SetResponse(*kept, context.http_status);
}

}  // namespace heim
