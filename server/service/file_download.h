// FileDownload is one download under way: the header, then the bytes in chunks of 64 KiB, read
// ahead on the Executor as far as its outbox has room. Held by the front and by its own tasks.
// Thread-safe as FrameSource says. Pull never blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "heim/v1/file_service.pb.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/blob/blob.h"
#include "server/hub/outbox.h"
#include "server/model/frame.h"
#include "server/model/stream_call.h"

namespace heim {

// How header and bytes become the frames of a method's answer.
struct DownloadFrames {
  FramePtr (*header)(v1::DownloadHeader);
  FramePtr (*chunk)(std::string);
};
// For responses with the fields `header` and `chunk`.
template <class Response>
DownloadFrames DownloadFramesOf() {
  return {[](v1::DownloadHeader header) -> FramePtr {
            auto response = std::make_unique<Response>();
            *response->mutable_header() = std::move(header);
            return MakeMessageFrame(std::move(response));
          },
          [](std::string bytes) -> FramePtr {
            auto response = std::make_unique<Response>();
            response->set_chunk(std::move(bytes));
            return MakeMessageFrame(std::move(response));
          }};
}

class FileDownload final : public FrameSource, public std::enable_shared_from_this<FileDownload> {
 public:
  // Sends `header`, then the bytes that it names. Blocks on a first read: on the Executor only.
  static std::shared_ptr<FileDownload> Open(v1::DownloadHeader header,
                                            std::unique_ptr<BlobReader> reader, Clock& clock,
                                            Executor& executor, const DownloadFrames& frames);

  State Pull(size_t max_bytes, std::vector<FramePtr>* out) override {
    return outbox_->Pull(max_bytes, out);
  }
  absl::Status status() const override { return outbox_->status(); }
  void SetReady(std::function<void()> on_ready) override { outbox_->SetReady(std::move(on_ready)); }
  void Cancel() override { outbox_->Cancel(); }

 private:
  FileDownload(std::unique_ptr<BlobReader> reader, Executor& executor, const DownloadFrames& frames)
      : reader_(std::move(reader)), executor_(executor), frames_(frames) {}

  // Reads until the outbox has no more room: then the reader's pulls ask for more.
  void Fill();
  void ReadOn();

  const std::unique_ptr<BlobReader> reader_;
  Executor& executor_;
  const DownloadFrames frames_;
  std::unique_ptr<Outbox> outbox_;  // set by Open, for good
  // Of the one Fill that runs.
  uint64_t next_ = 0;
  uint64_t end_ = 0;
};

}  // namespace heim
