// SavedService: what each reader keeps for itself (proto/heim/v1/saved_service.proto says what each
// call needs, emits and fails with). Owned by app. Thread-safe. Handlers run on the Executor; reads
// block for a bounded time.
#pragma once

#include "heim/v1/saved_service.pb.h"
#include "server/base/clock.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

class SavedService {
 public:
  SavedService(Store& store, Clock& clock) : store_(store), clock_(clock) {}

  void SaveMessage(CallContext& context, const v1::SaveMessageRequest& request,
                   Reply<v1::SaveMessageResponse> reply);
  void UnsaveMessage(CallContext& context, const v1::UnsaveMessageRequest& request,
                     Reply<v1::UnsaveMessageResponse> reply);
  void ListSaved(CallContext& context, const v1::ListSavedRequest& request,
                 Reply<v1::ListSavedResponse> reply);

 private:
  Store& store_;
  Clock& clock_;
};

}  // namespace heim
