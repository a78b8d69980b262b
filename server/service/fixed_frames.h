// FixedFrames is a stream whose frames are known when it opens. Owned by its front. Never blocks.
#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "server/model/stream_call.h"

namespace heim {

class FixedFrames : public FrameSource {
 public:
  explicit FixedFrames(std::vector<FramePtr> frames) : frames_(std::move(frames)) {}

  State Pull(size_t max_bytes, std::vector<FramePtr>* out) override {
    size_t bytes = 0;
    while (next_ < frames_.size() && (bytes == 0 || bytes < max_bytes)) {
      bytes += frames_[next_]->proto().size() + 1;
      out->push_back(frames_[next_++]);
    }
    return next_ < frames_.size() ? State::kMore : State::kEnded;
  }
  absl::Status status() const override { return absl::OkStatus(); }
  void SetReady(std::function<void()>) override {}
  void Cancel() override {}

 private:
  const std::vector<FramePtr> frames_;
  size_t next_ = 0;
};

}  // namespace heim
