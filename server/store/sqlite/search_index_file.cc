// The part of SqliteSearchIndex that opens the file, and makes it again.
#include <optional>
#include <utility>

#include "server/base/file_util.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/store/sql_values.h"
#include "server/store/sqlite/search_index.h"

namespace heim {
namespace {

// Changes with the tables, with SearchTokens and with what is indexed: an index of another version
// is built anew.
constexpr std::string_view kVersion = "1";

// `places`: how far each workspace's log was read. `numbers`: short stand-ins for ids. `messages`:
// `place` rises with the time of sending. `texts`: what was indexed, which erasing needs. `found`:
// the words themselves.
constexpr std::string_view kSchema[] = {
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE places (workspace_id TEXT PRIMARY KEY, epoch TEXT NOT NULL, "
    "position INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE numbers (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE)",
    "CREATE TABLE messages (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, "
    "channel INTEGER NOT NULL, seq INTEGER NOT NULL, revision INTEGER NOT NULL, "
    "words INTEGER NOT NULL)",
    "CREATE INDEX messages_channel ON messages (channel)",
    "CREATE TABLE texts (place INTEGER PRIMARY KEY, words TEXT NOT NULL, keys TEXT NOT NULL)",
    "CREATE VIRTUAL TABLE found USING fts5(words, keys, content='', columnsize=0, "
    "tokenize='ascii', prefix='3 4')",
    // Scrubbing joins any two pieces: else it would wait for more.
    "INSERT INTO found (found, rank) VALUES ('usermerge', 2)",
};
// Erased bytes are overwritten; the log of changes is synced only when it is copied into the file.
constexpr std::string_view kPragmas[] = {"PRAGMA secure_delete = ON",
                                         "PRAGMA synchronous = NORMAL"};

constexpr char kNumbers[] = "SELECT number, id FROM numbers";
constexpr char kCounts[] = "SELECT channel, COUNT(*) FROM messages GROUP BY channel";
constexpr std::string_view kMetaVersion = "version";

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteSearchIndex>> SqliteSearchIndex::Open(Options options) {
  HEIM_ASSIGN_OR_RETURN(std::unique_ptr<DatabaseFile> file, DatabaseFile::Take(options.path));
  auto index = std::unique_ptr<SqliteSearchIndex>(
      new SqliteSearchIndex(std::move(options), std::move(file)));
  const absl::Status status = index->OpenFile();
  if (!status.ok()) {
    LogWarn("The search index is built anew", {{"error", status}});
    HEIM_RETURN_IF_ERROR(index->Reset());
  }
  return index;
}

SqliteSearchIndex::SqliteSearchIndex(Options options, std::unique_ptr<DatabaseFile> file)
    : options_(std::move(options)), file_(std::move(file)) {
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < options_.readers; ++i) readers.push_back(std::make_unique<Reader>());
  readers_ = std::make_unique<Readers>(std::move(readers), options_.longest_read_wait);
}

SqliteSearchIndex::~SqliteSearchIndex() = default;

absl::Status SqliteSearchIndex::OpenFile() {
  HEIM_ASSIGN_OR_RETURN(writer_,
                        SqliteConnection::Open(file_->path(), SqliteConnection::Mode::kWriter));
  for (const std::string_view pragma : kPragmas) {
    HEIM_RETURN_IF_ERROR(writer_->Execute(pragma, {}).status());
  }
  HEIM_RETURN_IF_ERROR(CheckVersion());
  HEIM_RETURN_IF_ERROR(LoadNumbers());
  return OpenReaders();
}

// Makes the tables in an empty file.
absl::Status SqliteSearchIndex::CheckVersion() {
  HEIM_ASSIGN_OR_RETURN(
      const int64_t tables,
      QueryInt(*writer_, "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table'", {}));
  if (tables == 0) {
    return InTransaction([this](Changes*) -> absl::Status {
      for (const std::string_view sql : kSchema) {
        HEIM_RETURN_IF_ERROR(writer_->Execute(sql, {}).status());
      }
      return SetMeta(kMetaVersion, kVersion);
    });
  }
  HEIM_ASSIGN_OR_RETURN(const std::string version, GetMeta(kMetaVersion));
  if (version == kVersion) return absl::OkStatus();
  return absl::InternalError(StrCat("it is of version '", version, "'"));
}

absl::Status SqliteSearchIndex::LoadNumbers() {
  Numbers numbers;
  HEIM_RETURN_IF_ERROR(writer_->Query(kNumbers, {}, [&](const SqlRow& row) {
    numbers.of[TextOf(row, 1)] = row.Int(0);
    return absl::OkStatus();
  }));
  HEIM_RETURN_IF_ERROR(writer_->Query(kCounts, {}, [&](const SqlRow& row) {
    numbers.messages[row.Int(0)] = row.Int(1);
    numbers.total += row.Int(1);
    return absl::OkStatus();
  }));
  absl::MutexLock lock(&mutex_);
  numbers_ = std::move(numbers);
  return absl::OkStatus();
}

absl::Status SqliteSearchIndex::OpenReaders() {
  std::vector<Readers::Loan> loans;
  for (int i = 0; i < options_.readers; ++i) {
    HEIM_ASSIGN_OR_RETURN(Readers::Loan loan, readers_->Take());
    Reader& reader = loan.connection();
    HEIM_ASSIGN_OR_RETURN(reader.connection,
                          SqliteConnection::Open(file_->path(), SqliteConnection::Mode::kReader));
    HEIM_RETURN_IF_ERROR(AddSearchFunctions(reader.connection->handle(), reader.rights));
    loans.push_back(std::move(loan));
  }
  return absl::OkStatus();
}

// All connections are closed first: the last one to go would remove the new file's log.
absl::Status SqliteSearchIndex::RemoveFiles() {
  std::vector<Readers::Loan> loans;
  for (int i = 0; i < options_.readers; ++i) {
    HEIM_ASSIGN_OR_RETURN(Readers::Loan loan, readers_->Take());
    loan.connection().connection.reset();
    loans.push_back(std::move(loan));
  }
  writer_.reset();
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    const absl::Status status = RemoveFile(StrCat(file_->path(), suffix));
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  return file_->Make();
}

absl::Status SqliteSearchIndex::Health() const {
  return damaged_ ? absl::InternalError("a search found it damaged") : absl::OkStatus();
}

absl::Status SqliteSearchIndex::Reset() {
  HEIM_RETURN_IF_ERROR(RemoveFiles());
  damaged_ = false;
  has_remains_ = scrubbing_ = erased_since_ = false;
  return OpenFile();
}

}  // namespace heim
