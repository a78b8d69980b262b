// ExportService: archives of a workspace and of one's own data
// (proto/heim/v1/export_service.proto says what each call needs and fails with).
// Owned by app. Thread-safe. Handlers run on the Executor; archives are made on that for files.
#pragma once

#include <memory>
#include <string>

#include "heim/v1/export_service.pb.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/model/stream_call.h"
#include "server/service/call.h"
#include "server/service/export_walk.h"

namespace heim {

class ExportService {
 public:
  // All of it outlives the downloads that the service opens.
  struct Dependencies {
    ExportTools tools;
    Clock& clock;
    Executor& executor;
    std::string server_version;
  };

  explicit ExportService(Dependencies dependencies) : deps_(std::move(dependencies)) {}

  void ExportWorkspace(CallContext& context, const v1::ExportWorkspaceRequest& request,
                       Reply<std::shared_ptr<FrameSource>> reply);
  void ExportActor(CallContext& context, const v1::ExportActorRequest& request,
                   Reply<std::shared_ptr<FrameSource>> reply);

 private:
  struct Opening;
  // Enters the export in the audit log, then begins it.
  void Begin(std::shared_ptr<Opening> opening, Draft draft,
             Reply<std::shared_ptr<FrameSource>> reply);

  const Dependencies deps_;
};

}  // namespace heim
