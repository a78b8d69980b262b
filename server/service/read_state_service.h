// ReadStateService: read cursors and unread counts (proto/heim/v1/read_state_service.proto).
// Owned by app. Thread-safe. Handlers run on the Executor; reads block for a bounded time.
#pragma once

#include "heim/v1/read_state_service.pb.h"
#include "server/base/clock.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

class ReadStateService {
 public:
  ReadStateService(Store& store, Clock& clock) : store_(store), clock_(clock) {}

  void MarkRead(CallContext& context, const v1::MarkReadRequest& request,
                Reply<v1::MarkReadResponse> reply);
  void MarkUnread(CallContext& context, const v1::MarkUnreadRequest& request,
                  Reply<v1::MarkUnreadResponse> reply);
  void MarkAllRead(CallContext& context, const v1::MarkAllReadRequest& request,
                   Reply<v1::MarkAllReadResponse> reply);
  void GetUnreadSummary(CallContext& context, const v1::GetUnreadSummaryRequest& request,
                        Reply<v1::GetUnreadSummaryResponse> reply);
  void ListReadStates(CallContext& context, const v1::ListReadStatesRequest& request,
                      Reply<v1::ListReadStatesResponse> reply);

 private:
  Store& store_;
  Clock& clock_;
};

}  // namespace heim
