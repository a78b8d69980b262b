// AuditService: the audit log as owners and admins of a workspace read, export and verify it
// (proto/heim/v1/audit_service.proto says what each call needs and fails with).
// Owned by app. Thread-safe. Handlers run on the Executor; an export reads page after page there.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "google/protobuf/message.h"
#include "heim/v1/audit_service.pb.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/model/stream_call.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

class AuditService {
 public:
  // All of it outlives the exports that are under way.
  struct Dependencies {
    Store& store;
    Clock& clock;
    Executor& executor;
    // A message as the JSON of REST.
    std::function<std::string(const google::protobuf::Message&)> to_json;
  };

  explicit AuditService(Dependencies dependencies) : deps_(std::move(dependencies)) {}

  void ListAuditEntries(CallContext& context, const v1::ListAuditEntriesRequest& request,
                        Reply<v1::ListAuditEntriesResponse> reply);
  void ExportAudit(CallContext& context, const v1::ExportAuditRequest& request,
                   Reply<std::shared_ptr<FrameSource>> reply);
  void VerifyAudit(CallContext& context, const v1::VerifyAuditRequest& request,
                   Reply<v1::VerifyAuditResponse> reply);

 private:
  const Dependencies deps_;
};

}  // namespace heim
