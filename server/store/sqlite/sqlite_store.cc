#include "server/store/sqlite/sqlite_store.h"

#include <utility>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/store/drafts.h"
#include "server/store/migrations/migrations.h"

namespace heim {
namespace {

constexpr char kBegin[] = "BEGIN";
constexpr char kBeginWrite[] = "BEGIN IMMEDIATE";
constexpr char kCommit[] = "COMMIT";
constexpr char kRollback[] = "ROLLBACK";
constexpr char kSavepoint[] = "SAVEPOINT draft";
constexpr char kRelease[] = "RELEASE draft";
constexpr char kUndo[] = "ROLLBACK TO draft";

constexpr absl::Duration kPurgeEvery = absl::Minutes(10);

constexpr SqlDialect kDialect = {"TEXT", "BLOB", " WITHOUT ROWID", "sqlite"};

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Create(Options options,
                                                                 const Clock& clock) {
  using Mode = SqliteConnection::Mode;
  HEIM_ASSIGN_OR_RETURN(std::unique_ptr<DatabaseFile> file, DatabaseFile::Take(options.path));
  HEIM_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> writer,
                        SqliteConnection::Open(file->path(), Mode::kWriter, options.vfs));
  HEIM_RETURN_IF_ERROR(Migrate(*writer, kDialect));
  HEIM_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> checkpoints,
                        SqliteConnection::Open(file->path(), Mode::kWriter, options.vfs));
  std::vector<std::unique_ptr<SqliteConnection>> readers;
  for (int i = 0; i < options.readers; ++i) {
    HEIM_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> reader,
                          SqliteConnection::Open(file->path(), Mode::kReader, options.vfs));
    readers.push_back(std::move(reader));
  }
  return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(options), clock, std::move(file),
                                                      std::move(writer), std::move(checkpoints),
                                                      std::move(readers)));
}

SqliteStore::SqliteStore(Options options, const Clock& clock, std::unique_ptr<DatabaseFile> file,
                         std::unique_ptr<SqliteConnection> writer,
                         std::unique_ptr<SqliteConnection> checkpoints,
                         std::vector<std::unique_ptr<SqliteConnection>> readers)
    : options_(std::move(options)),
      clock_(clock),
      file_(std::move(file)),
      writer_(std::move(writer)),
      readers_(std::move(readers), options_.longest_read_wait),
      checkpointer_(std::move(checkpoints)),
      next_purge_(clock.Monotonic()),
      batches_(
          {options_.max_queue, options_.max_batch},
          [this](absl::Span<Draft* const> drafts) { return RunBatch(drafts); },
          [this] { checkpointer_.OnCommit(writer_->wal_frames()); }) {}

SqliteStore::~SqliteStore() { Stop(); }

void SqliteStore::SetCommitListener(CommitListener* listener) {
  batches_.SetCommitListener(listener);
}

void SqliteStore::Commit(Draft draft, absl::AnyInvocable<void(absl::StatusOr<Committed>)> done) {
  batches_.Commit(std::move(draft), std::move(done));
}

absl::Status SqliteStore::Read(absl::FunctionRef<absl::Status(ReadTx&)> read) {
  absl::StatusOr<ReadPool<SqliteConnection>::Loan> loan = readers_.Take();
  if (!loan.ok()) return StoreError(loan.status());
  SqliteConnection& connection = loan->connection();
  const absl::StatusOr<int64_t> begun = connection.Execute(kBegin, {});
  if (!begun.ok()) return StoreError(begun.status());
  ReadTx tx(connection);
  const absl::Status status = read(tx);
  // Nothing was written: the end of the transaction cannot lose anything.
  if (connection.in_transaction()) connection.Execute(kRollback, {}).IgnoreError();
  return StoreError(status);
}

void SqliteStore::Stop() {
  absl::MutexLock lock(&stop_mutex_);
  if (stopped_) return;
  stopped_ = true;
  batches_.Stop();
  checkpointer_.Stop();
}

absl::StatusOr<Batch> SqliteStore::RunBatch(absl::Span<Draft* const> drafts) {
  Batch batch;
  batch.outcomes.reserve(drafts.size());
  const absl::Status status = RunDrafts(drafts, batch);
  if (!status.ok() && writer_->in_transaction()) writer_->Execute(kRollback, {}).IgnoreError();
  if (!status.ok()) return status;
  return batch;
}

absl::Status SqliteStore::RunDrafts(absl::Span<Draft* const> drafts, Batch& batch) {
  HEIM_RETURN_IF_ERROR(writer_->Execute(kBeginWrite, {}));
  for (Draft* draft : drafts) HEIM_RETURN_IF_ERROR(RunDraft(*draft, batch));
  PurgeNowAndThen();
  if (!writer_->in_transaction()) return absl::UnavailableError("the transaction was lost");
  return writer_->Execute(kCommit, {}).status();
}

// Fails only when the whole transaction is lost.
absl::Status SqliteStore::RunDraft(Draft& draft, Batch& batch) {
  HEIM_RETURN_IF_ERROR(writer_->Execute(kSavepoint, {}));
  absl::StatusOr<AppliedDraft> applied = ApplyDraft(*writer_, clock_, draft);
  if (!writer_->in_transaction()) return absl::UnavailableError("the transaction was lost");
  if (!applied.ok()) {
    HEIM_RETURN_IF_ERROR(writer_->Execute(kUndo, {}));
    HEIM_RETURN_IF_ERROR(writer_->Execute(kRelease, {}));
    batch.outcomes.push_back(applied.status());
    return absl::OkStatus();
  }
  HEIM_RETURN_IF_ERROR(writer_->Execute(kRelease, {}));
  batch.outcomes.push_back(std::move(applied->committed));
  for (auto& event : applied->events) batch.events.push_back(std::move(event));
  return absl::OkStatus();
}

void SqliteStore::PurgeNowAndThen() {
  if (clock_.Monotonic() < next_purge_) return;
  next_purge_ = clock_.Monotonic() + kPurgeEvery;
  const absl::Status status = KeptAnswers(*writer_).Purge(clock_.Now());
  if (!status.ok()) LogWarn("Old idempotency keys stay", {{"error", status}});
}

}  // namespace heim
