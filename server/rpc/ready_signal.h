// ReadySignal keeps the promise of FrameSource::SetReady and Cancel for sources of this folder: no
// call of on_ready begins after Cancel returns. Owned by a source. Thread-safe. Cancel waits for a
// call that runs in another thread, so no lock may be held over it that on_ready takes.
#pragma once

#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace heim {

class ReadySignal {
 public:
  void Set(std::function<void()> on_ready);
  void Notify();
  void Cancel();

 private:
  absl::Mutex mutex_;
  std::function<void()> on_ready_ ABSL_GUARDED_BY(mutex_);
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread::id> running_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
