// SqliteConnection is one connection to a SQLite file, with its prepared statements. Owned by the
// store's threads or its read pool; used by one thread at a time. Calls block on the disk.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "server/store/sql.h"

struct sqlite3;
struct sqlite3_stmt;

namespace heim {

class SqliteConnection final : public SqlSession {
 public:
  enum class Mode { kWriter, kReader };

  // The file must exist. `vfs` is the name of a registered VFS; empty: the default one. Errors as
  // for Query; they name the path and are for the operator.
  static absl::StatusOr<std::unique_ptr<SqliteConnection>> Open(const std::string& path, Mode mode,
                                                                const std::string& vfs = "");
  ~SqliteConnection() override;
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;

  absl::Status Query(std::string_view sql, absl::Span<const SqlValue> parameters,
                     absl::FunctionRef<absl::Status(const SqlRow&)> on_row) override;
  absl::StatusOr<int64_t> Execute(std::string_view sql,
                                  absl::Span<const SqlValue> parameters) override;

  // SQLite ends a transaction by itself after some errors (a full disk, for one).
  bool in_transaction() const;

  // For what this class does not offer; never closed by the borrower.
  sqlite3* handle() { return db_; }

  // Frames in the write-ahead log after this connection's last commit.
  int wal_frames() const { return wal_frames_; }

  struct Checkpoint {
    int log_frames = 0;
    int done_frames = 0;
  };
  // Copies what readers allow of the write-ahead log into the file, without waiting for anybody;
  // `truncate` waits (up to the busy timeout) and empties the log. UNAVAILABLE when it could not.
  absl::StatusOr<Checkpoint> RunCheckpoint(bool truncate);

 private:
  struct Statement;

  explicit SqliteConnection(sqlite3* db);
  absl::Status Configure(Mode mode);
  absl::StatusOr<std::unique_ptr<Statement>> Prepare(std::string_view sql);
  absl::StatusOr<Statement*> Cached(std::string_view sql);
  absl::Status Run(Statement& statement, absl::Span<const SqlValue> parameters,
                   absl::FunctionRef<absl::Status(const SqlRow&)> on_row);
  absl::Status LastError(std::string_view what) const;

  sqlite3* const db_;
  int wal_frames_ = 0;
  absl::flat_hash_map<std::string, std::unique_ptr<Statement>> statements_;
};

}  // namespace heim
