// AuditExport is one export of the audit log under way: the header, then lines in chunks of about
// 64 KiB, read page by page on the Executor as far as the outbox has room, so that its memory does
// not grow with the log. Held by the front and by its own tasks. Thread-safe as FrameSource says.
// Pull never blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "heim/v1/audit_service.pb.h"
#include "server/base/executor.h"
#include "server/hub/outbox.h"
#include "server/model/stream_call.h"
#include "server/service/audit_service.h"
#include "server/service/audit_view.h"
#include "server/store/store.h"

namespace heim {

struct AuditExportOrder {
  Caller caller;
  AuditQuery query;
  v1::AuditFormat format = v1::AUDIT_FORMAT_JSON;
  v1::ExportAuditHeader header;
};

class AuditExport final : public FrameSource, public std::enable_shared_from_this<AuditExport> {
 public:
  // Sends the header, then what the order asks for. Blocks on first reads: on the Executor only.
  static std::shared_ptr<AuditExport> Open(const AuditService::Dependencies& deps,
                                           AuditExportOrder order);

  State Pull(size_t max_bytes, std::vector<FramePtr>* out) override {
    return outbox_->Pull(max_bytes, out);
  }
  absl::Status status() const override { return outbox_->status(); }
  void SetReady(std::function<void()> on_ready) override { outbox_->SetReady(std::move(on_ready)); }
  void Cancel() override { outbox_->Cancel(); }

 private:
  AuditExport(const AuditService::Dependencies& deps, AuditExportOrder order)
      : deps_(deps), order_(std::move(order)) {}

  // Reads until the outbox has no more room: then the reader's pulls ask for more.
  void Fill();
  void ReadOn();
  // The next lines; nothing more follows once `ended_`.
  absl::StatusOr<std::string> NextLines();
  std::string LineOf(const v1::AuditEntry& entry) const;

  const AuditService::Dependencies& deps_;
  const AuditExportOrder order_;
  std::unique_ptr<Outbox> outbox_;  // set by Open, for good
  // Of the one Fill that runs.
  AuditView view_;
  uint64_t after_ = 0;
  bool ended_ = false;
};

}  // namespace heim
