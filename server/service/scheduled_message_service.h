// ScheduledMessageService: messages that are written now and sent later
// (proto/heim/v1/scheduled_message_service.proto). What sends them at their time is a job; it is
// told by `wake` when something is due at a time that it may not know of.
// Owned by app. Thread-safe. Handlers run on the Executor; reads block for a bounded time.
#pragma once

#include <functional>
#include <utility>

#include "absl/time/time.h"
#include "heim/v1/scheduled_message_service.pb.h"
#include "server/base/clock.h"
#include "server/base/ids.h"
#include "server/hub/presence.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

class ScheduledMessageService {
 public:
  // From a commit's continuation; must not block.
  using Wake = std::function<void(absl::Time send_at)>;

  ScheduledMessageService(Store& store, Clock& clock, Ids& ids, const PresenceBook& presence,
                          Wake wake)
      : store_(store), clock_(clock), ids_(ids), presence_(presence), wake_(std::move(wake)) {}

  void ScheduleMessage(CallContext& context, const v1::ScheduleMessageRequest& request,
                       Reply<v1::ScheduleMessageResponse> reply);
  void ListScheduledMessages(CallContext& context, const v1::ListScheduledMessagesRequest& request,
                             Reply<v1::ListScheduledMessagesResponse> reply);
  void GetScheduledMessage(CallContext& context, const v1::GetScheduledMessageRequest& request,
                           Reply<v1::GetScheduledMessageResponse> reply);
  void UpdateScheduledMessage(CallContext& context,
                              const v1::UpdateScheduledMessageRequest& request,
                              Reply<v1::UpdateScheduledMessageResponse> reply);
  void CancelScheduledMessage(CallContext& context,
                              const v1::CancelScheduledMessageRequest& request,
                              Reply<v1::CancelScheduledMessageResponse> reply);
  void SendScheduledNow(CallContext& context, const v1::SendScheduledNowRequest& request,
                        Reply<v1::SendScheduledNowResponse> reply);

 private:
  Store& store_;
  Clock& clock_;
  Ids& ids_;
  const PresenceBook& presence_;
  const Wake wake_;
};

}  // namespace heim
