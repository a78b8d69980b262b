// Executor runs work that may block, away from the threads that must not. Owned by the wiring.
// Thread-safe. TryPost never blocks.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace heim {

class Executor {
 public:
  virtual ~Executor() = default;

  // False when the queue is full or the executor is stopping; `work` is then destroyed unrun,
  // before TryPost returns. Otherwise it runs exactly once.
  virtual bool TryPost(absl::AnyInvocable<void()> work) = 0;
};

class ThreadPoolExecutor final : public Executor {
 public:
  struct Options {
    int threads = 4;
    size_t max_queue = 1024;        // Work that waits, besides what runs.
    std::string name = "executor";  // Names the threads; the kernel keeps 15 characters.
  };

  explicit ThreadPoolExecutor(Options options);
  ~ThreadPoolExecutor() override;

  bool TryPost(absl::AnyInvocable<void()> work) override;

  // Takes no more work, runs what was taken, joins the threads. Blocks; never from a worker. A
  // second call waits for the first.
  void Stop();

  size_t queued() const;

 private:
  void Run(int index);

  const Options options_;
  mutable absl::Mutex mutex_;
  std::deque<absl::AnyInvocable<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool HasWorkOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !queue_.empty();
  }

  absl::Mutex join_mutex_;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(join_mutex_);
};

// Runs the work at once in the caller's thread, for tests. set_full(true) makes it refuse.
class InlineExecutor final : public Executor {
 public:
  bool TryPost(absl::AnyInvocable<void()> work) override;
  void set_full(bool full);

 private:
  absl::Mutex mutex_;
  bool full_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace heim
