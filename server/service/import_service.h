// ImportService: archives that are read into a workspace
// (proto/heim/v1/import_service.proto says what each call needs and fails
// with). The work is the runner's. Owned by app. Thread-safe. Handlers run on
// the Executor; uploads do their disk work on that for files.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "heim/v1/import_service.pb.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/ids.h"
#include "server/blob/blob.h"
#include "server/model/stream_call.h"
#include "server/model/transfer_limits.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

class ImportService {
 public:
  // All of it outlives the streams that the service opens.
  struct Dependencies {
    Store& store;
    BlobStore& blobs;
    Clock& clock;
    Ids& ids;
    Executor& executor;
    std::function<void()> wake;                  // there is an import to run
    int64_t max_bytes = kImportMaxBytesDefault;  // HEIM_MAX_IMPORT_SIZE
  };

  explicit ImportService(Dependencies dependencies) : deps_(std::move(dependencies)) {}

  absl::StatusOr<std::shared_ptr<StreamCall>> CreateImport(std::shared_ptr<CallContext> context);
  void GetImport(CallContext& context, const v1::GetImportRequest& request,
                 Reply<v1::GetImportResponse> reply);
  void ListImports(CallContext& context, const v1::ListImportsRequest& request,
                   Reply<v1::ListImportsResponse> reply);
  void StartImport(CallContext& context, const v1::StartImportRequest& request,
                   Reply<v1::StartImportResponse> reply);
  void CancelImport(CallContext& context, const v1::CancelImportRequest& request,
                    Reply<v1::CancelImportResponse> reply);

 private:
  const Dependencies deps_;
};

}  // namespace heim
