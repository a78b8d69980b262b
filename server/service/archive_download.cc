#include "server/service/archive_download.h"

#include <algorithm>
#include <utility>

#include "server/base/log.h"
#include "server/model/errors.h"

namespace heim {
namespace {

constexpr size_t kChunkBytes = 128u << 10;
constexpr Outbox::Limits kReadAhead = {32, 2u << 20};

}  // namespace

std::shared_ptr<ArchiveDownload> ArchiveDownload::Open(v1::ArchiveHeader header,
                                                       std::unique_ptr<ExportWalk> walk,
                                                       Clock& clock, Executor& executor,
                                                       const ArchiveFrames& frames) {
  std::shared_ptr<ArchiveDownload> download(
      new ArchiveDownload(std::move(walk), executor, frames));
  download->outbox_ =
      std::make_unique<Outbox>(clock, kReadAhead, [weak = download->weak_from_this()] {
        if (const auto alive = weak.lock()) alive->ReadOn();
      });
  download->outbox_->PushAnyway(frames.header(std::move(header)), Outbox::Item::kSign);
  download->Fill();
  return download;
}

void ArchiveDownload::Fill() {
  while (!outbox_->closed()) {
    std::string bytes;
    bool more = true;
    while (more && bytes.size() < kChunkBytes) {
      const absl::StatusOr<bool> next = walk_->Next(&bytes);
      if (!next.ok()) {
        LogWarn("An export ended early", {{"error", next.status()}});
        return outbox_->Close(nullptr, next.status());
      }
      more = *next;
    }
    for (size_t at = 0; at < bytes.size(); at += kChunkBytes) {
      outbox_->PushAnyway(frames_.chunk(bytes.substr(at, kChunkBytes)), Outbox::Item::kSign);
    }
    if (!more) return outbox_->Close(nullptr, absl::OkStatus());
    // Asked before the reader is woken, so that it cannot ask for more while this one still runs.
    const bool room = outbox_->RoomOrArm();
    outbox_->Wake();
    if (!room) return;
  }
}

void ArchiveDownload::ReadOn() {
  if (executor_.TryPost([download = shared_from_this()] { download->Fill(); })) return;
  // What was read ahead is taken first; an idle reader would wait for ever.
  if (!outbox_->IdleOrArm()) return;
  outbox_->Close(nullptr, MakeError(v1::ERROR_REASON_OVERLOADED, "The server has too much to do"));
}

}  // namespace heim
