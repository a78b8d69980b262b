// Checkpointer copies the write-ahead log into the database file, on a connection and thread of its
// own, because a checkpoint on the writer stalls commits. Owned by SqliteStore. OnCommit is called
// by the writer thread only and blocks for a bounded time once the log is over its bound.
#pragma once

#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/store/sqlite/connection.h"

namespace heim {

class Checkpointer {
 public:
  explicit Checkpointer(std::unique_ptr<SqliteConnection> connection);
  ~Checkpointer();

  // Hears how many frames the log has after a commit.
  void OnCommit(int wal_frames);

  // Ends the thread and empties the log. Blocks.
  void Stop();

 private:
  void Run();
  bool HasWorkOrStops() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::unique_ptr<SqliteConnection> connection_;
  mutable absl::Mutex mutex_;
  int frames_ ABSL_GUARDED_BY(mutex_) = 0;  // in the log, as the writer said last
  int seen_ ABSL_GUARDED_BY(mutex_) = 0;    // in the log when the last pass began
  bool writer_waits_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace heim
