// LogReader follows the log of every workspace for one job, on a thread of its own: in order, in
// batches, from a durable cursor that moves in the same commit as what the job writes. So each
// event has its effect once, over crashes and restarts, and nobody waits for it.
// Owned by app; job, store and timers outlive it. Thread-safe. OnCommitted never blocks; Stop and
// WaitCaughtUp do.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/timers.h"
#include "server/jobs/log_job.h"
#include "server/store/store.h"

namespace heim {

struct LogReaderOptions {
  uint32_t batch_events = 256;
  size_t batch_bytes = 1u << 20;
  size_t batch_steps = 1024;  // a batch ends early when its plans have this many
  size_t draft_steps = 64;    // steps in one transaction
  uint64_t cursor_lag = 256;  // events without effect after which the cursor is stored
  int tries = 3;              // of an event whose plan or steps fail
  absl::Duration retry_delay = absl::Seconds(1);
};

class LogReader final : public CommitListener {
 public:
  LogReader(LogReaderOptions options, Store& store, Timers& timers, LogJob& job);
  ~LogReader() override;

  // Catches up, then follows. Once.
  void Start();
  // Finishes the transaction under way and stores the cursors; the store still runs meanwhile. The
  // rest waits for the next start.
  void Stop();

  void OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) override;

  // Whether everything that was announced until now was done in time. For tests.
  bool WaitCaughtUp(absl::Duration timeout);

 private:
  struct Place {
    uint64_t stored = 0;  // the durable cursor
    uint64_t done = 0;    // what was looked at; the same or, when nothing followed from it, further
    uint64_t head = 0;    // last event known of
  };
  struct Planned {
    uint64_t position = 0;
    std::vector<LogJob::Step> steps;
  };
  // What was read at once, as far as it could be planned.
  struct Batch {
    std::vector<Planned> events;  // those with steps
    uint64_t until = 0;           // everything up to here is in it
    uint64_t failed_at = 0;       // the event after it that could not be planned; 0: none
    absl::Status failure;
  };
  // One transaction's worth of a batch.
  struct Share {
    std::vector<LogJob::Step> steps;
    uint64_t until = 0;     // done with all events up to here
    uint64_t position = 0;  // of the first event that has a step in it
    bool one_event = true;  // whether all steps are of that event
  };

  void Run();
  void Follow();
  // After a crash, events without effect are looked at again; after a stop they are not.
  void StoreCursors();
  absl::Status Load();
  // A workspace with something to read, each in its turn; empty when there is none.
  WorkspaceId Next();
  // Reads and does one batch. An error: nothing is wrong with an event, try again later.
  absl::Status ReadOn(const WorkspaceId& workspace);
  absl::StatusOr<Batch> ReadBatch(const WorkspaceId& workspace, uint64_t after);
  absl::Status PlanInto(ReadTx& tx, const WorkspaceId& workspace, const LogEntry& entry,
                        Batch* batch);
  std::vector<Share> SharesOf(Batch batch, uint64_t from) const;
  absl::Status Do(const WorkspaceId& workspace, Share share);
  absl::Status CommitAndWait(Draft draft);
  // Counts a failure of the event; afterwards it may be one that is left out.
  absl::Status OnFault(const WorkspaceId& workspace, uint64_t position, const absl::Status& fault);
  bool IsLeftOut(const WorkspaceId& workspace, uint64_t position) const;
  void SetPlace(const WorkspaceId& workspace, uint64_t stored, uint64_t done);
  Place PlaceOf(const WorkspaceId& workspace) const;
  void Rest();

  void Note(const std::string& workspace) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsCaughtUp() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return loaded_ && behind_.empty();
  }
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || !loaded_ || !behind_.empty();
  }
  bool IsRested() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || rested_; }
  bool IsStopping() const;

  const LogReaderOptions options_;
  Store& store_;
  Timers& timers_;
  LogJob& job_;

  // Of the reader's thread alone: the event that fails, and how often. Up to it one by one.
  WorkspaceId fault_workspace_;
  uint64_t fault_position_ = 0;
  int faults_ = 0;
  std::string last_;  // the workspace whose turn it was

  mutable absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool loaded_ ABSL_GUARDED_BY(mutex_) = false;
  bool rested_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<std::string, Place> places_ ABSL_GUARDED_BY(mutex_);
  absl::btree_set<std::string> behind_ ABSL_GUARDED_BY(mutex_);  // workspaces not read to the head
  std::thread thread_;
};

}  // namespace heim
