#include "server/service/audit_export.h"

#include <utility>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/frame.h"
#include "server/service/access.h"

namespace heim {
namespace {

constexpr uint32_t kPageEntries = 200;
constexpr size_t kChunkBytes = 64u << 10;
constexpr Outbox::Limits kReadAhead = {16, 1u << 20};

FramePtr FrameOf(v1::ExportAuditHeader header) {
  auto response = std::make_unique<v1::ExportAuditResponse>();
  *response->mutable_header() = std::move(header);
  return MakeMessageFrame(std::move(response));
}

FramePtr FrameOf(std::string chunk) {
  auto response = std::make_unique<v1::ExportAuditResponse>();
  response->set_chunk(std::move(chunk));
  return MakeMessageFrame(std::move(response));
}

}  // namespace

std::shared_ptr<AuditExport> AuditExport::Open(const AuditService::Dependencies& deps,
                                               AuditExportOrder order) {
  v1::ExportAuditHeader header = order.header;
  std::shared_ptr<AuditExport> self(new AuditExport(deps, std::move(order)));
  self->outbox_ = std::make_unique<Outbox>(deps.clock, kReadAhead, [weak = self->weak_from_this()] {
    if (const auto alive = weak.lock()) alive->ReadOn();
  });
  self->outbox_->PushAnyway(FrameOf(std::move(header)), Outbox::Item::kSign);
  if (self->order_.format == v1::AUDIT_FORMAT_CSV) {
    self->outbox_->PushAnyway(FrameOf(AuditCsvHead()), Outbox::Item::kSign);
  }
  self->Fill();
  return self;
}

void AuditExport::Fill() {
  while (!outbox_->closed()) {
    if (ended_) return outbox_->Close(nullptr, absl::OkStatus());
    absl::StatusOr<std::string> lines = NextLines();
    if (!lines.ok()) return outbox_->Close(nullptr, lines.status());
    if (!lines->empty()) {
      outbox_->PushAnyway(FrameOf(*std::move(lines)), Outbox::Item::kSign);
    }
    // Asked before the reader is woken, so that it cannot ask for more while this one still runs.
    const bool room = ended_ || outbox_->RoomOrArm();
    outbox_->Wake();
    if (!room) return;
  }
}

void AuditExport::ReadOn() {
  if (deps_.executor.TryPost([self = shared_from_this()] { self->Fill(); })) return;
  // What was read ahead is taken first; an idle reader would wait for ever.
  if (!outbox_->IdleOrArm()) return;
  outbox_->Close(nullptr, MakeError(v1::ERROR_REASON_OVERLOADED, "The server has too much to do"));
}

absl::StatusOr<std::string> AuditExport::NextLines() {
  std::string lines;
  while (lines.size() < kChunkBytes && !ended_) {
    HEIM_RETURN_IF_ERROR(deps_.store.Read([&](ReadTx& tx) -> absl::Status {
      // Who is no admin any more reads no further.
      HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, order_.caller, Permission::kReadAudit));
      HEIM_ASSIGN_OR_RETURN(
          const std::vector<AuditRow> rows,
          tx.audit.List(order_.caller.workspace_id, order_.query, AuditEntries::Order::kOldestFirst,
                        after_, order_.header.last_sequence() + 1, kPageEntries));
      for (const AuditRow& row : rows) {
        HEIM_ASSIGN_OR_RETURN(const v1::AuditEntry entry, view_.EntryOf(tx, row));
        lines += LineOf(entry);
        after_ = row.sequence;
      }
      ended_ = rows.size() < kPageEntries;
      return absl::OkStatus();
    }));
  }
  return lines;
}

std::string AuditExport::LineOf(const v1::AuditEntry& entry) const {
  if (order_.format != v1::AUDIT_FORMAT_CSV) return StrCat(deps_.to_json(entry), "\n");
  const auto text = [this](bool set, const google::protobuf::Struct& fields) {
    return set ? deps_.to_json(fields) : std::string();
  };
  return AuditCsvLine(entry, text(entry.has_before(), entry.before()),
                      text(entry.has_after(), entry.after()));
}

}  // namespace heim
