// PinService: the messages that a channel keeps in sight (proto/heim/v1/pin_service.proto says what
// each call needs, emits and fails with). Owned by app. Thread-safe. Handlers run on the Executor;
// reads block for a bounded time.
#pragma once

#include "heim/v1/pin_service.pb.h"
#include "server/base/clock.h"
#include "server/service/call.h"
#include "server/service/membership.h"
#include "server/store/store.h"

namespace heim {

class PinService {
 public:
  PinService(Store& store, Clock& clock) : store_(store), clock_(clock) {}

  void PinMessage(CallContext& context, const v1::PinMessageRequest& request,
                  Reply<v1::PinMessageResponse> reply);
  void UnpinMessage(CallContext& context, const v1::UnpinMessageRequest& request,
                    Reply<v1::UnpinMessageResponse> reply);
  void ListPins(CallContext& context, const v1::ListPinsRequest& request,
                Reply<v1::ListPinsResponse> reply);

 private:
  Store& store_;
  Clock& clock_;
};

// Takes the message's pin off, if it has one, and emits pin.removed. The pin that was.
absl::StatusOr<std::optional<v1::Pin>> RemovePin(WriteTx& tx, const Acting& acting,
                                                 const WorkspaceId& workspace,
                                                 const ChannelId& channel,
                                                 const MessageId& message);

}  // namespace heim
