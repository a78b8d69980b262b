#include "server/store/sqlite/connection.h"

#include <sqlite3.h>

#include <cstdlib>
#include <utility>
#include <variant>

#include "server/base/check.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr int kBusyTimeoutMs = 5000;
// More statements than the repositories have, so that a cache that overflows is a bug to be seen in
// a profile and not one that fails.
constexpr size_t kMaxStatements = 512;

// Temporary pages in memory: each draft's savepoint keeps the pages that it changes.
constexpr std::string_view kPragmas[] = {
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
};
// What is deleted is overwritten, whatever the library was built with.
constexpr std::string_view kWriterPragmas[] = {
    "PRAGMA journal_mode = WAL",     "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 0", "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -65536",    "PRAGMA secure_delete = ON",
};
constexpr std::string_view kReaderPragmas[] = {
    "PRAGMA query_only = ON",
    "PRAGMA cache_size = -16384",
};

class SqliteRow final : public SqlRow {
 public:
  explicit SqliteRow(sqlite3_stmt* statement) : statement_(statement) {}
  bool IsNull(int column) const override {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
  }
  int64_t Int(int column) const override { return sqlite3_column_int64(statement_, column); }
  double Real(int column) const override { return sqlite3_column_double(statement_, column); }
  std::string_view Text(int column) const override {
    const unsigned char* text = sqlite3_column_text(statement_, column);
    if (text == nullptr) return {};
    return {reinterpret_cast<const char*>(text),
            static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
  }
  std::string_view Blob(int column) const override {
    const void* blob = sqlite3_column_blob(statement_, column);
    if (blob == nullptr) return {};
    return {static_cast<const char*>(blob),
            static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
  }

 private:
  sqlite3_stmt* const statement_;
};

// The one table of SQLite's codes.
absl::StatusCode CodeOf(int extended) {
  switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return absl::StatusCode::kAlreadyExists;
    default:
      break;
  }
  switch (extended & 0xff) {
    case SQLITE_CONSTRAINT:
      return absl::StatusCode::kFailedPrecondition;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
    case SQLITE_INTERRUPT:
    case SQLITE_PROTOCOL:
      return absl::StatusCode::kUnavailable;
    default:
      return absl::StatusCode::kInternal;
  }
}

int Bind(sqlite3_stmt* statement, int index, const SqlValue& value) {
  struct Binder {
    sqlite3_stmt* statement;
    int index;
    int operator()(std::nullptr_t) const { return sqlite3_bind_null(statement, index); }
    int operator()(int64_t number) const { return sqlite3_bind_int64(statement, index, number); }
    int operator()(double number) const { return sqlite3_bind_double(statement, index, number); }
    int operator()(std::string_view text) const {
      // A null pointer would bind NULL instead of the empty string.
      return sqlite3_bind_text64(statement, index, text.empty() ? "" : text.data(), text.size(),
                                 SQLITE_STATIC, SQLITE_UTF8);
    }
    int operator()(Bytes bytes) const {
      return sqlite3_bind_blob64(statement, index, bytes.value.empty() ? "" : bytes.value.data(),
                                 bytes.value.size(), SQLITE_STATIC);
    }
  };
  return std::visit(Binder{statement, index}, value);
}

absl::Status IgnoreRow(const SqlRow&) { return absl::OkStatus(); }

}  // namespace

struct SqliteConnection::Statement {
  ~Statement() { sqlite3_finalize(stmt); }

  sqlite3_stmt* stmt = nullptr;
  // SQLite takes "$2" as a name and numbers names as they appear: this is its number for "$n" at
  // n - 1, and 0 where the text has no such parameter.
  std::vector<int> index_of;
  bool running = false;
};

absl::StatusOr<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path,
                                                                         Mode mode,
                                                                         const std::string& vfs) {
  const int flags =
      SQLITE_OPEN_NOMUTEX | (mode == Mode::kWriter ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY);
  sqlite3* db = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, vfs.empty() ? nullptr : vfs.c_str());
  if (code != SQLITE_OK) {
    const std::string why = db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db);
    sqlite3_close_v2(db);
    return absl::Status(CodeOf(code), StrCat("open ", path, ": ", why));
  }
  sqlite3_extended_result_codes(db, 1);
  sqlite3_busy_timeout(db, kBusyTimeoutMs);
  auto connection = std::unique_ptr<SqliteConnection>(new SqliteConnection(db));
  if (const absl::Status status = connection->Configure(mode); !status.ok()) {
    return absl::Status(status.code(), StrCat("open ", path, ": ", ToStd(status.message())));
  }
  return connection;
}

SqliteConnection::SqliteConnection(sqlite3* db) : db_(db) {}

SqliteConnection::~SqliteConnection() {
  statements_.clear();
  sqlite3_close_v2(db_);
}

absl::Status SqliteConnection::Configure(Mode mode) {
  for (const std::string_view pragma : kPragmas) HEIM_RETURN_IF_ERROR(Execute(pragma, {}));
  if (mode == Mode::kReader) {
    for (const std::string_view pragma : kReaderPragmas) HEIM_RETURN_IF_ERROR(Execute(pragma, {}));
    return absl::OkStatus();
  }
  for (const std::string_view pragma : kWriterPragmas) HEIM_RETURN_IF_ERROR(Execute(pragma, {}));
  sqlite3_wal_hook(
      db_,
      [](void* connection, sqlite3*, const char*, int frames) {
        static_cast<SqliteConnection*>(connection)->wal_frames_ = frames;
        return SQLITE_OK;
      },
      this);
  return absl::OkStatus();
}

absl::Status SqliteConnection::LastError(std::string_view what) const {
  return absl::Status(CodeOf(sqlite3_extended_errcode(db_)),
                      StrCat(what, ": ", sqlite3_errmsg(db_)));
}

absl::StatusOr<std::unique_ptr<SqliteConnection::Statement>> SqliteConnection::Prepare(
    std::string_view sql) {
  auto statement = std::make_unique<Statement>();
  if (sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                         &statement->stmt, nullptr) != SQLITE_OK) {
    return LastError("prepare");
  }
  const int count = sqlite3_bind_parameter_count(statement->stmt);
  for (int index = 1; index <= count; ++index) {
    const char* name = sqlite3_bind_parameter_name(statement->stmt, index);
    HEIM_CHECK(name != nullptr && name[0] == '$');
    const int number = std::atoi(name + 1);
    HEIM_CHECK(number > 0);
    if (statement->index_of.size() < static_cast<size_t>(number)) {
      statement->index_of.resize(static_cast<size_t>(number), 0);
    }
    statement->index_of[static_cast<size_t>(number - 1)] = index;
  }
  return statement;
}

absl::StatusOr<SqliteConnection::Statement*> SqliteConnection::Cached(std::string_view sql) {
  const auto it = statements_.find(ToAbsl(sql));
  if (it != statements_.end()) return it->second.get();
  if (statements_.size() >= kMaxStatements) {
    absl::erase_if(statements_, [](const auto& entry) { return !entry.second->running; });
  }
  HEIM_ASSIGN_OR_RETURN(std::unique_ptr<Statement> statement, Prepare(sql));
  Statement* const raw = statement.get();
  statements_[std::string(sql)] = std::move(statement);
  return raw;
}

absl::Status SqliteConnection::Run(Statement& statement, absl::Span<const SqlValue> parameters,
                                   absl::FunctionRef<absl::Status(const SqlRow&)> on_row) {
  HEIM_CHECK(parameters.size() >= statement.index_of.size());
  for (size_t i = 0; i < statement.index_of.size(); ++i) {
    const int index = statement.index_of[i];
    if (index != 0 && Bind(statement.stmt, index, parameters[i]) != SQLITE_OK) {
      return LastError("bind");
    }
  }
  const SqliteRow row(statement.stmt);
  while (true) {
    const int code = sqlite3_step(statement.stmt);
    if (code == SQLITE_DONE) return absl::OkStatus();
    if (code != SQLITE_ROW) return LastError("run");
    HEIM_RETURN_IF_ERROR(on_row(row));
  }
}

absl::Status SqliteConnection::Query(std::string_view sql, absl::Span<const SqlValue> parameters,
                                     absl::FunctionRef<absl::Status(const SqlRow&)> on_row) {
  HEIM_ASSIGN_OR_RETURN(Statement * statement, Cached(sql));
  std::unique_ptr<Statement> own;
  if (statement->running) {
    // A row callback runs the statement that it was called from.
    HEIM_ASSIGN_OR_RETURN(own, Prepare(sql));
    statement = own.get();
  }
  statement->running = true;
  const absl::Status status = Run(*statement, parameters, on_row);
  sqlite3_reset(statement->stmt);
  sqlite3_clear_bindings(statement->stmt);
  statement->running = false;
  return status;
}

absl::StatusOr<int64_t> SqliteConnection::Execute(std::string_view sql,
                                                  absl::Span<const SqlValue> parameters) {
  HEIM_RETURN_IF_ERROR(Query(sql, parameters, IgnoreRow));
  return sqlite3_changes64(db_);
}

bool SqliteConnection::in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }

absl::StatusOr<SqliteConnection::Checkpoint> SqliteConnection::RunCheckpoint(bool truncate) {
  Checkpoint checkpoint;
  const int code = sqlite3_wal_checkpoint_v2(
      db_, nullptr, truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE,
      &checkpoint.log_frames, &checkpoint.done_frames);
  if (code != SQLITE_OK) return LastError("checkpoint");
  return checkpoint;
}

}  // namespace heim
