// ImportRunner runs imports one after the other on a thread of its own, also those that an earlier
// run of the server did not end. Owned by app. Thread-safe. Wake never blocks; Stop waits until
// the batch under way is written.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/service/import_run.h"

namespace heim {

class ImportRunner {
 public:
  explicit ImportRunner(ImportTools tools) : tools_(std::move(tools)) {}
  ~ImportRunner() { Stop(); }
  ImportRunner(const ImportRunner&) = delete;
  ImportRunner& operator=(const ImportRunner&) = delete;

  void Start();
  // There is an import to run.
  void Wake();
  void Stop();

 private:
  void Loop();
  // Runs all that have not ended; false when one is to be tried again.
  bool RunAll();
  // Deletes archives that nothing will be read from any more.
  void DropArchives();
  bool Called() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return woken_ || stopping_; }

  const ImportTools tools_;
  std::atomic<bool> stopping_{false};
  absl::Mutex mutex_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = true;
  std::thread thread_;
};

}  // namespace heim
