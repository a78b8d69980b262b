// BatchWriter is the part of a driver that takes drafts: a bounded queue, one writer thread that
// hands whatever waits to the driver as one transaction (group commit), then the listener, then the
// continuations on a thread of their own. Owned by a store. Thread-safe. Commit never blocks; Stop
// blocks until the queue is empty.
#pragma once

#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "server/base/bounded_queue.h"
#include "server/store/completions.h"
#include "server/store/store.h"

namespace heim {

// What one transaction brought about.
struct Batch {
  std::vector<absl::StatusOr<Committed>> outcomes;  // one for each draft
  std::vector<std::shared_ptr<const CommittedEvent>> events;
};

class BatchWriter {
 public:
  struct Options {
    size_t max_queue = 8192;  // drafts that wait
    size_t max_batch = 1000;  // drafts in one transaction
  };
  // Runs the drafts as one transaction, on the writer thread. An error means that none of them was
  // stored, or that nobody can tell; one without a reason becomes STORE_UNAVAILABLE.
  using Run = absl::AnyInvocable<absl::StatusOr<Batch>(absl::Span<Draft* const>)>;

  // `after`, if any, is called on the writer thread once a batch's continuations are on their way.
  BatchWriter(Options options, Run run, absl::AnyInvocable<void()> after = nullptr);
  ~BatchWriter() { Stop(); }

  // As of Store.
  void Commit(Draft draft, absl::AnyInvocable<void(absl::StatusOr<Committed>)> done);
  void SetCommitListener(CommitListener* listener) { listener_ = listener; }
  void Stop();

  // Drafts that wait, for metrics.
  size_t queued() const { return queue_.size(); }

 private:
  struct Pending {
    Draft draft;
    absl::AnyInvocable<void(absl::StatusOr<Committed>)> done;
  };

  void Write();
  void CommitBatch(std::vector<Pending> pending);

  const Options options_;
  Run run_;
  absl::AnyInvocable<void()> after_;
  Completions completions_;
  BoundedQueue<Pending> queue_;
  CommitListener* listener_ = nullptr;  // set before the first Commit
  absl::Mutex stop_mutex_;
  bool stopped_ ABSL_GUARDED_BY(stop_mutex_) = false;
  std::thread thread_;
};

}  // namespace heim
