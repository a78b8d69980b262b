#include "server/store/postgres/postgres_store.h"

#include <utility>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/store/drafts.h"
#include "server/store/migrations/migrations.h"
#include "server/store/postgres/libpq.h"

namespace heim {
namespace {

constexpr SqlDialect kDialect = {"TEXT COLLATE \"C\"", "BYTEA", "", "postgres"};

// The number says later whether a COMMIT whose answer was lost took place.
constexpr char kBegin[] = "BEGIN; SELECT pg_current_xact_id()::text";
constexpr char kBeginRead[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
constexpr char kCommit[] = "COMMIT";
constexpr char kRollback[] = "ROLLBACK";
constexpr char kSavepoint[] = "SAVEPOINT draft";
constexpr char kRelease[] = "RELEASE SAVEPOINT draft";
constexpr char kUndoAlone[] = "ROLLBACK; BEGIN";
constexpr char kUndo[] = "ROLLBACK TO SAVEPOINT draft; RELEASE SAVEPOINT draft";

constexpr char kFacts[] =
    "SELECT current_setting('server_version_num')::bigint, current_setting('server_encoding'), "
    "current_setting('fsync'), current_schema() IS NULL, pg_is_in_recovery()";
// Held as long as the connection lives. The database waits for it, not we.
constexpr char kLock[] =
    "SET lock_timeout = '3s'; "
    "SELECT pg_advisory_lock(hashtext('heim'), hashtext(current_schema())); "
    "SET lock_timeout = 0";
constexpr char kLimitWrites[] = "SET statement_timeout = '60s'";
constexpr char kLimitReads[] = "SET statement_timeout = '30s'";
constexpr char kStatusOf[] = "SELECT pg_xact_status($1::xid8)";

constexpr int64_t kOldestServer = 150000;
constexpr int kMaxAttempts = 5;
constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kPurgeEvery = absl::Minutes(10);

absl::Status CheckServer(PostgresConnection& connection, const PostgresAddress& address) {
  std::string wrong;
  bool synced = true;
  HEIM_RETURN_IF_ERROR(connection.Query(kFacts, {}, [&](const SqlRow& row) {
    if (row.Int(0) < kOldestServer) {
      wrong = "the server is older than PostgreSQL 15";
    } else if (row.Text(1) != "UTF8") {
      wrong = StrCat("its encoding is ", row.Text(1), ", not UTF8");
    } else if (row.Int(3) != 0) {
      wrong = "its search_path names no schema that exists";
    } else if (row.Int(4) != 0) {
      wrong = "it is a standby, which takes no changes";
    }
    synced = row.Text(2) == "on";
    return absl::OkStatus();
  }));
  if (!wrong.empty()) {
    return absl::FailedPreconditionError(StrCat("the database ", address.display, ": ", wrong));
  }
  if (!synced) {
    LogWarn("The database server runs with fsync = off: a crash can lose acknowledged changes");
  }
  return absl::OkStatus();
}

// A connection that alone may write: the lock goes with it.
absl::StatusOr<std::unique_ptr<PostgresConnection>> OpenWriter(const PostgresAddress& address) {
  HEIM_ASSIGN_OR_RETURN(auto connection, PostgresConnection::Open(address));
  HEIM_RETURN_IF_ERROR(CheckServer(*connection, address));
  const auto locked = connection->Run(kLock);
  if (!locked.ok() && !connection->lost()) {
    return absl::FailedPreconditionError(
        StrCat("another server is using the database ", address.display));
  }
  HEIM_RETURN_IF_ERROR(locked);
  return connection;
}

absl::StatusOr<std::unique_ptr<PostgresConnection>> OpenReader(const PostgresAddress& address) {
  HEIM_ASSIGN_OR_RETURN(auto connection, PostgresConnection::Open(address));
  HEIM_RETURN_IF_ERROR(connection->Run(kLimitReads));
  return connection;
}

absl::Status Unknown() {
  return MakeError(v1::ERROR_REASON_STORE_UNAVAILABLE,
                   "The database was lost while it took the change, which may or may not be "
                   "stored; repeat the request with the same key");
}

}  // namespace

absl::StatusOr<std::unique_ptr<PostgresStore>> PostgresStore::Create(Options options,
                                                                     const Clock& clock) {
  HEIM_RETURN_IF_ERROR(LoadLibpq());
  HEIM_ASSIGN_OR_RETURN(auto writer, OpenWriter(options.address));
  HEIM_RETURN_IF_ERROR(Migrate(*writer, kDialect));
  HEIM_RETURN_IF_ERROR(writer->Run(kLimitWrites));
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < options.readers; ++i) {
    readers.push_back(std::make_unique<Reader>());
    HEIM_ASSIGN_OR_RETURN(readers.back()->connection, OpenReader(options.address));
  }
  return std::unique_ptr<PostgresStore>(
      new PostgresStore(std::move(options), clock, std::move(writer), std::move(readers)));
}

PostgresStore::PostgresStore(Options options, const Clock& clock,
                             std::unique_ptr<PostgresConnection> writer,
                             std::vector<std::unique_ptr<Reader>> readers)
    : options_(std::move(options)),
      clock_(clock),
      writer_(std::move(writer)),
      next_purge_(clock.Monotonic()),
      readers_(std::move(readers), options_.longest_read_wait),
      batches_({options_.max_queue, options_.max_batch},
               [this](absl::Span<Draft* const> drafts) { return RunBatch(drafts); }) {}

PostgresStore::~PostgresStore() { Stop(); }

void PostgresStore::SetCommitListener(CommitListener* listener) {
  batches_.SetCommitListener(listener);
}

void PostgresStore::Commit(Draft draft, absl::AnyInvocable<void(absl::StatusOr<Committed>)> done) {
  batches_.Commit(std::move(draft), std::move(done));
}

void PostgresStore::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  batches_.Stop();
}

// A connection that was lost while nobody used it shows only now, when nothing is lost yet.
absl::StatusOr<PostgresConnection*> PostgresStore::Begin(Reader& reader) {
  if (reader.connection != nullptr) {
    const absl::Status begun = reader.connection->Run(kBeginRead).status();
    if (begun.ok()) return reader.connection.get();
    if (!reader.connection->lost()) return begun;
    reader.connection.reset();
  }
  HEIM_ASSIGN_OR_RETURN(reader.connection, OpenReader(options_.address));
  HEIM_RETURN_IF_ERROR(reader.connection->Run(kBeginRead));
  return reader.connection.get();
}

absl::Status PostgresStore::Read(absl::FunctionRef<absl::Status(ReadTx&)> read) {
  absl::StatusOr<ReadPool<Reader>::Loan> loan = readers_.Take();
  if (!loan.ok()) return StoreError(loan.status());
  Reader& reader = loan->connection();
  absl::StatusOr<PostgresConnection*> connection = Begin(reader);
  if (!connection.ok()) return StoreError(connection.status());
  ReadTx tx(**connection);
  const absl::Status status = read(tx);
  // Nothing was written: the end of the transaction cannot lose anything.
  if (!reader.connection->lost()) reader.connection->Run(kRollback).IgnoreError();
  if (reader.connection->lost()) reader.connection.reset();
  return StoreError(status);
}

// Most batches go through as one. Where a statement fails, or a draft that has changed something,
// the batch is taken back and run again with a savepoint for each draft and each change in it. Not
// at once, because PostgreSQL numbers every subtransaction that writes, and readers pay for more
// than 64 of them.
absl::StatusOr<Batch> PostgresStore::RunBatch(absl::Span<Draft* const> drafts) {
  Attempt attempt;
  attempt.alone = drafts.size() == 1;
  for (int i = 0; i < kMaxAttempts; ++i) {
    HEIM_RETURN_IF_ERROR(EnsureWriter());
    PurgeNowAndThen();
    attempt.batch = Batch();
    Ending ending = RunAttempt(drafts, attempt);
    if (ending == Ending::kUnknown) {
      LogWarn("The database was lost during a commit", {{"drafts", drafts.size()}});
      const absl::StatusOr<bool> committed = WasCommitted(attempt.transaction);
      if (!committed.ok()) {
        LogError("Nobody knows whether a batch was stored", {{"error", committed.status()}});
        return Unknown();
      }
      ending = *committed ? Ending::kDone : Ending::kAgain;
    }
    if (ending == Ending::kDone) return std::move(attempt.batch);
    if (ending == Ending::kFailed) break;
    if (ending == Ending::kNeedsCare) attempt.careful = true;
  }
  return attempt.error;
}

PostgresStore::Ending PostgresStore::RunAttempt(absl::Span<Draft* const> drafts, Attempt& attempt) {
  const auto begun = writer_->Run(kBegin);
  attempt.error = begun.status();
  if (!begun.ok()) return writer_->lost() ? Ending::kAgain : Ending::kFailed;
  attempt.transaction = *begun;
  writer_->SetCareful(attempt.careful);
  attempt.batch.outcomes.reserve(drafts.size());
  Ending ending = Ending::kDone;
  for (Draft* draft : drafts) {
    ending = RunDraft(*draft, attempt);
    if (ending != Ending::kDone) break;
  }
  if (ending == Ending::kDone) {
    attempt.error = writer_->Run(kCommit).status();
    if (attempt.error.ok()) return Ending::kDone;
    if (writer_->lost()) return Ending::kUnknown;
    ending = writer_->conflicted() ? Ending::kAgain : Ending::kFailed;
  }
  if (!writer_->lost()) writer_->Run(kRollback).IgnoreError();
  return ending;
}

PostgresStore::Ending PostgresStore::RunDraft(Draft& draft, Attempt& attempt) {
  const auto broken = [&](absl::Status why) {
    attempt.error = std::move(why);
    return writer_->lost() || writer_->conflicted() ? Ending::kAgain : Ending::kFailed;
  };
  const auto run = [&](const char* sql) {
    return attempt.careful ? writer_->Run(sql).status() : absl::OkStatus();
  };
  if (absl::Status status = run(kSavepoint); !status.ok()) return broken(std::move(status));
  writer_->ForgetChanges();
  absl::StatusOr<AppliedDraft> applied = ApplyDraft(*writer_, clock_, draft);
  if (writer_->lost() || writer_->conflicted()) return broken(applied.status());
  if (writer_->aborted()) {
    // What the draft made of the failure does not count yet: it may go on from there.
    if (!attempt.careful) return Ending::kNeedsCare;
    if (applied.ok()) applied = absl::InternalError("a statement failed");
  }
  if (applied.ok()) {
    if (absl::Status status = run(kRelease); !status.ok()) return broken(std::move(status));
    attempt.batch.outcomes.push_back(std::move(applied->committed));
    for (auto& event : applied->events) attempt.batch.events.push_back(std::move(event));
    return Ending::kDone;
  }
  attempt.batch.outcomes.push_back(applied.status());
  if (attempt.careful || !writer_->changed()) {
    absl::Status status = run(kUndo);
    return status.ok() ? Ending::kDone : broken(std::move(status));
  }
  if (!attempt.alone) return Ending::kNeedsCare;
  absl::Status status = writer_->Run(kUndoAlone).status();
  return status.ok() ? Ending::kDone : broken(std::move(status));
}

// Holding the lock again means that the session that was lost has come to its end.
absl::StatusOr<bool> PostgresStore::WasCommitted(const std::string& transaction) {
  HEIM_RETURN_IF_ERROR(EnsureWriter());
  std::string status;
  HEIM_RETURN_IF_ERROR(
      writer_->Query(kStatusOf, {SqlValue(std::string_view(transaction))}, [&](const SqlRow& row) {
        status = row.Text(0);
        return absl::OkStatus();
      }));
  if (status == "committed") return true;
  if (status == "aborted") return false;
  return absl::UnavailableError(StrCat("the database says '", status, "' of a transaction"));
}

absl::Status PostgresStore::EnsureWriter() {
  if (writer_ != nullptr && !writer_->lost()) return absl::OkStatus();
  writer_.reset();
  const int tries = away_ ? 1 : options_.reconnects;
  absl::Duration pause = kFirstPause;
  absl::Status status;
  for (int i = 0; i < tries; ++i, pause *= 2) {
    if (i > 0) {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), pause)) break;
    }
    auto opened = OpenWriter(options_.address);
    status = opened.ok() ? (*opened)->Run(kLimitWrites).status() : opened.status();
    if (status.ok()) {
      LogInfo("Connected to the database again");
      writer_ = *std::move(opened);
      away_ = false;
      return absl::OkStatus();
    }
  }
  away_ = true;
  return absl::UnavailableError(status.message());
}

// Outside of the batch's transaction, which its failure would end.
void PostgresStore::PurgeNowAndThen() {
  if (clock_.Monotonic() < next_purge_) return;
  next_purge_ = clock_.Monotonic() + kPurgeEvery;
  writer_->SetCareful(false);
  const absl::Status status = KeptAnswers(*writer_).Purge(clock_.Now());
  if (!status.ok()) LogWarn("Old idempotency keys stay", {{"error", status}});
}

}  // namespace heim
