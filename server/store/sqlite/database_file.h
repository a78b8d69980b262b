// DatabaseFile is a SQLite file held by this server alone: a lock beside it keeps a second server
// out, and a database "in memory" is a file in a directory of its own that goes with it. Owned by
// whoever opens the database. Blocks on the disk.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace heim {

class DatabaseFile {
 public:
  // ":memory:" or a path in a directory that exists; the file is made (mode 0600) if missing.
  // FAILED_PRECONDITION when another server holds it.
  static absl::StatusOr<std::unique_ptr<DatabaseFile>> Take(const std::string& path);
  ~DatabaseFile();
  DatabaseFile(const DatabaseFile&) = delete;
  DatabaseFile& operator=(const DatabaseFile&) = delete;

  const std::string& path() const { return path_; }

  // Makes the file again after it was removed; nothing when it is there.
  absl::Status Make();

 private:
  DatabaseFile(std::string path, std::string directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}
  absl::Status Lock();

  const std::string path_;
  const std::string directory_;  // made for a database in memory; else empty
  int lock_ = -1;
};

}  // namespace heim
