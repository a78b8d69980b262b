// DraftService: what its caller has written and not sent (proto/heim/v1/draft_service.proto).
// Owned by app. Thread-safe. Handlers run on the Executor; reads block for a bounded time.
#pragma once

#include "heim/v1/draft_service.pb.h"
#include "server/base/clock.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

class DraftService {
 public:
  DraftService(Store& store, Clock& clock) : store_(store), clock_(clock) {}

  void SaveDraft(CallContext& context, const v1::SaveDraftRequest& request,
                 Reply<v1::SaveDraftResponse> reply);
  void GetDraft(CallContext& context, const v1::GetDraftRequest& request,
                Reply<v1::GetDraftResponse> reply);
  void DeleteDraft(CallContext& context, const v1::DeleteDraftRequest& request,
                   Reply<v1::DeleteDraftResponse> reply);
  void ListDrafts(CallContext& context, const v1::ListDraftsRequest& request,
                  Reply<v1::ListDraftsResponse> reply);

 private:
  Store& store_;
  Clock& clock_;
};

}  // namespace heim
