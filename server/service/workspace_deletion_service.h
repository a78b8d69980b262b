// WorkspaceDeletionService: ending a workspace for ever
// (proto/heim/v1/workspace_deletion_service.proto says what the call needs and fails with). Nobody
// is in it any more with the commit; what is left of it is erased by a job
// (jobs/workspace_erasure.h).
// Owned by app. Thread-safe. The handler runs on the Executor and never blocks.
#pragma once

#include <functional>
#include <utility>

#include "heim/v1/workspace_deletion_service.pb.h"
#include "server/auth/authenticator.h"
#include "server/hub/hub.h"
#include "server/service/call.h"
#include "server/service/stream_stopper.h"
#include "server/store/store.h"

namespace heim {

class WorkspaceDeletionService {
 public:
  struct Dependencies {
    Store& store;
    Authenticator& authenticator;
    Hub& hub;
    StreamStopper& streams;
  };

  // `on_delete` is called after each deletion and must not block.
  WorkspaceDeletionService(const Dependencies& dependencies, std::function<void()> on_delete)
      : deps_(dependencies), on_delete_(std::move(on_delete)) {}

  void DeleteWorkspace(CallContext& context, const v1::DeleteWorkspaceRequest& request,
                       Reply<v1::DeleteWorkspaceResponse> reply);

 private:
  const Dependencies deps_;
  const std::function<void()> on_delete_;
};

}  // namespace heim
