#include "server/service/file_download.h"

#include <algorithm>
#include <string>

#include "server/base/log.h"
#include "server/model/errors.h"

namespace heim {
namespace {

constexpr uint64_t kChunkBytes = 64u << 10;
// Half of it is read ahead: eight chunks.
constexpr Outbox::Limits kReadAhead = {16, 1u << 20};

}  // namespace

std::shared_ptr<FileDownload> FileDownload::Open(v1::DownloadHeader header,
                                                 std::unique_ptr<BlobReader> reader, Clock& clock,
                                                 Executor& executor, const DownloadFrames& frames) {
  std::shared_ptr<FileDownload> download(new FileDownload(std::move(reader), executor, frames));
  download->outbox_ =
      std::make_unique<Outbox>(clock, kReadAhead, [weak = download->weak_from_this()] {
        if (const auto alive = weak.lock()) alive->ReadOn();
      });
  download->next_ = static_cast<uint64_t>(header.offset());
  download->end_ = download->next_ + static_cast<uint64_t>(header.length());
  download->outbox_->PushAnyway(frames.header(std::move(header)), Outbox::Item::kSign);
  download->Fill();
  return download;
}

void FileDownload::Fill() {
  while (!outbox_->closed()) {
    if (next_ == end_) return outbox_->Close(nullptr, absl::OkStatus());
    const auto n = static_cast<size_t>(std::min(kChunkBytes, end_ - next_));
    absl::StatusOr<std::string> bytes = reader_->Read(next_, n);
    if (!bytes.ok() || bytes->size() != n) {
      LogError("A file could not be read", {{"error", bytes.status()}});
      return outbox_->Close(nullptr, absl::InternalError("the file's bytes are not there"));
    }
    next_ += n;
    outbox_->PushAnyway(frames_.chunk(*std::move(bytes)), Outbox::Item::kSign);
    // Asked before the reader is woken, so that it cannot ask for more while this one still runs.
    const bool room = next_ == end_ || outbox_->RoomOrArm();
    outbox_->Wake();
    if (!room) return;
  }
}

void FileDownload::ReadOn() {
  if (executor_.TryPost([download = shared_from_this()] { download->Fill(); })) return;
  // What was read ahead is taken first; an idle reader would wait for ever.
  if (!outbox_->IdleOrArm()) return;
  outbox_->Close(nullptr, MakeError(v1::ERROR_REASON_OVERLOADED, "The server has too much to do"));
}

}  // namespace heim
