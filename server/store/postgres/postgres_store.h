// PostgresStore is the Store on a PostgreSQL database that this server has for itself: one writer
// connection that commits whatever is queued as one transaction, and a pool of read connections.
// Connections that are lost are made anew. Owned by app. Thread-safe. Commit never blocks; Read
// blocks for a bounded time; Create and Stop block on the network.
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
#include "server/store/postgres/address.h"
#include "server/store/postgres/connection.h"
#include "server/store/read_pool.h"
#include "server/store/store.h"

namespace heim {

class PostgresStore final : public Store {
 public:
  struct Options {
    PostgresAddress address;
    int readers = 4;
    size_t max_queue = 8192;  // drafts that wait
    size_t max_batch = 1000;  // drafts in one transaction
    absl::Duration longest_read_wait = absl::Seconds(5);
    // How often a batch tries to reach a database that has just been lost; the waits in between
    // double, from 100 ms. Once it is known to be away, each batch tries once.
    int reconnects = 7;
  };

  // Connects and brings the database to this program's schema. FAILED_PRECONDITION when another
  // server uses it, its schema is newer, or it is of the wrong kind; else the driver's error.
  // Messages are for the operator and hold no password.
  static absl::StatusOr<std::unique_ptr<PostgresStore>> Create(Options options, const Clock& clock);
  ~PostgresStore() override;

  void Commit(Draft draft, absl::AnyInvocable<void(absl::StatusOr<Committed>)> done) override;
  absl::Status Read(absl::FunctionRef<absl::Status(ReadTx&)> read) override;
  void SetCommitListener(CommitListener* listener) override;
  void Stop() override;

  // Drafts that wait, for metrics.
  size_t queued() const { return batches_.queued(); }

 private:
  struct Reader {
    std::unique_ptr<PostgresConnection> connection;
  };
  // How an attempt at a batch, or at one of its drafts, ended.
  enum class Ending {
    kDone,
    kNeedsCare,  // a draft has to be undone alone, or a statement of it
    kAgain,      // nothing was stored, and a second attempt may go well
    kUnknown,    // the connection was lost during the COMMIT
    kFailed,
  };
  struct Attempt {
    bool alone = false;       // of one draft
    bool careful = false;     // with savepoints
    std::string transaction;  // its number in the database
    Batch batch;
    absl::Status error;
  };

  PostgresStore(Options options, const Clock& clock, std::unique_ptr<PostgresConnection> writer,
                std::vector<std::unique_ptr<Reader>> readers);

  // The writer thread's.
  absl::StatusOr<Batch> RunBatch(absl::Span<Draft* const> drafts);
  Ending RunAttempt(absl::Span<Draft* const> drafts, Attempt& attempt);
  Ending RunDraft(Draft& draft, Attempt& attempt);
  absl::StatusOr<bool> WasCommitted(const std::string& transaction);
  absl::Status EnsureWriter();
  void PurgeNowAndThen();

  absl::StatusOr<PostgresConnection*> Begin(Reader& reader);

  const Options options_;
  const Clock& clock_;
  std::unique_ptr<PostgresConnection> writer_;  // the writer thread's, like the two below
  bool away_ = false;                           // the database could not be reached the last time
  absl::Duration next_purge_;
  ReadPool<Reader> readers_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  BatchWriter batches_;  // last: its thread uses the others
};

}  // namespace heim
