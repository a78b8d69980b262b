// LinkPreviewService: takes previews of links away (proto/heim/v1/link_preview_service.proto says
// what each call needs, emits and fails with). Owned by app. Thread-safe. Handlers run on the
// Executor and never block.
#pragma once

#include "heim/v1/link_preview_service.pb.h"
#include "server/base/clock.h"
#include "server/service/blob_sweeper.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

class LinkPreviewService {
 public:
  LinkPreviewService(Store& store, Clock& clock, BlobSweeper& sweeper)
      : store_(store), clock_(clock), sweeper_(sweeper) {}

  void DeleteLinkPreview(CallContext& context, const v1::DeleteLinkPreviewRequest& request,
                         Reply<v1::DeleteLinkPreviewResponse> reply);

 private:
  Store& store_;
  Clock& clock_;
  BlobSweeper& sweeper_;
};

}  // namespace heim
