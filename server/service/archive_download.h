// ArchiveDownload is one export under way: the header, then the bytes that its walk makes, as far
// ahead as its outbox has room, so that its memory does not grow with the archive. Held by the
// front and by its own tasks. Thread-safe as FrameSource says. Pull never blocks.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "heim/v1/export_service.pb.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/hub/outbox.h"
#include "server/model/stream_call.h"
#include "server/service/export_walk.h"

namespace heim {

// How header and bytes become the frames of a method's answer.
struct ArchiveFrames {
  FramePtr (*header)(v1::ArchiveHeader);
  FramePtr (*chunk)(std::string);
};

class ArchiveDownload final : public FrameSource,
                              public std::enable_shared_from_this<ArchiveDownload> {
 public:
  // Blocks on first reads: on the Executor only.
  static std::shared_ptr<ArchiveDownload> Open(v1::ArchiveHeader header,
                                               std::unique_ptr<ExportWalk> walk, Clock& clock,
                                               Executor& executor, const ArchiveFrames& frames);

  State Pull(size_t max_bytes, std::vector<FramePtr>* out) override {
    return outbox_->Pull(max_bytes, out);
  }
  absl::Status status() const override { return outbox_->status(); }
  void SetReady(std::function<void()> on_ready) override { outbox_->SetReady(std::move(on_ready)); }
  void Cancel() override { outbox_->Cancel(); }

 private:
  ArchiveDownload(std::unique_ptr<ExportWalk> walk, Executor& executor, const ArchiveFrames& frames)
      : walk_(std::move(walk)), executor_(executor), frames_(frames) {}

  // Works until the outbox has no more room: then the reader's pulls ask for more.
  void Fill();
  void ReadOn();

  const std::unique_ptr<ExportWalk> walk_;
  Executor& executor_;
  const ArchiveFrames frames_;
  std::unique_ptr<Outbox> outbox_;  // set by Open, for good
};

}  // namespace heim
