// Completions calls the continuations of committed batches on a thread of its own, so that the
// writer is back at its work. Owned by BatchWriter. Add is called by the writer thread only and
// blocks while too many batches wait.
#pragma once

#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/store/store.h"

namespace heim {

struct Completion {
  absl::AnyInvocable<void(absl::StatusOr<Committed>)> done;
  absl::StatusOr<Committed> outcome;
};

class Completions {
 public:
  Completions() : thread_([this] { Run(); }) {}
  ~Completions() { Stop(); }

  void Add(std::vector<Completion> batch);
  // Calls what was added, then ends the thread. Blocks.
  void Stop();

 private:
  void Run();
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasWorkOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !batches_.empty();
  }

  absl::Mutex mutex_;
  std::deque<std::vector<Completion>> batches_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace heim
