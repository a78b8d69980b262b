// SqliteStore is the Store on one SQLite file: one writer thread that commits whatever is queued as
// one transaction, a pool of read connections, a thread for checkpoints and one for continuations.
// Owned by app. Thread-safe. Commit never blocks; Read blocks for a bounded time; Create and Stop
// block on the disk.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/clock.h"
#include "server/store/batch_writer.h"
#include "server/store/read_pool.h"
#include "server/store/sqlite/checkpointer.h"
#include "server/store/sqlite/connection.h"
#include "server/store/sqlite/database_file.h"
#include "server/store/store.h"

namespace heim {

class SqliteStore final : public Store {
 public:
  struct Options {
    std::string path;  // ":memory:": a database that goes with the store
    int readers = 4;
    size_t max_queue = 8192;  // drafts that wait
    size_t max_batch = 1000;  // drafts in one transaction
    absl::Duration longest_read_wait = absl::Seconds(5);
    std::string vfs;  // name of a registered SQLite VFS; empty: the default one
  };

  // Opens or makes the database and brings it to this program's schema. FAILED_PRECONDITION when
  // another server uses it or its schema is newer; else the driver's error. Messages are for the
  // operator.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Create(Options options, const Clock& clock);
  ~SqliteStore() override;

  void Commit(Draft draft, absl::AnyInvocable<void(absl::StatusOr<Committed>)> done) override;
  absl::Status Read(absl::FunctionRef<absl::Status(ReadTx&)> read) override;
  void SetCommitListener(CommitListener* listener) override;
  void Stop() override;

  // Drafts that wait, for metrics.
  size_t queued() const { return batches_.queued(); }

 private:
  SqliteStore(Options options, const Clock& clock, std::unique_ptr<DatabaseFile> file,
              std::unique_ptr<SqliteConnection> writer,
              std::unique_ptr<SqliteConnection> checkpoints,
              std::vector<std::unique_ptr<SqliteConnection>> readers);
  // The writer thread's.
  absl::StatusOr<Batch> RunBatch(absl::Span<Draft* const> drafts);
  absl::Status RunDrafts(absl::Span<Draft* const> drafts, Batch& batch);
  absl::Status RunDraft(Draft& draft, Batch& batch);
  void PurgeNowAndThen();

  const Options options_;
  const Clock& clock_;
  const std::unique_ptr<DatabaseFile> file_;  // outlives the connections
  const std::unique_ptr<SqliteConnection> writer_;
  ReadPool<SqliteConnection> readers_;
  Checkpointer checkpointer_;
  absl::Duration next_purge_;  // the writer thread's
  absl::Mutex stop_mutex_;
  bool stopped_ ABSL_GUARDED_BY(stop_mutex_) = false;
  BatchWriter batches_;  // last: its thread uses the others
};

}  // namespace heim
