#include "server/store/sqlite/database_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "server/base/file_util.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

// In the kernel's memory where there is such a place, else among the temporary files.
absl::StatusOr<std::string> MakeDirectory() {
  const char* temporary = std::getenv("TMPDIR");
  const std::string places[] = {"/dev/shm", temporary == nullptr ? "/tmp" : temporary};
  int error = 0;
  for (const std::string& place : places) {
    std::string name = StrCat(place, "/heim-XXXXXX");
    if (mkdtemp(name.data()) != nullptr) return name;
    error = errno;
  }
  return ErrnoToStatus(error, "make a temporary directory");
}

int OpenOrCreate(const std::string& path) {
  return open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DatabaseFile>> DatabaseFile::Take(const std::string& path) {
  std::string directory;
  if (path == ":memory:") {
    HEIM_ASSIGN_OR_RETURN(directory, MakeDirectory());
  }
  auto file = std::unique_ptr<DatabaseFile>(
      new DatabaseFile(directory.empty() ? path : StrCat(directory, "/heim.db"), directory));
  HEIM_RETURN_IF_ERROR(file->Lock());
  HEIM_RETURN_IF_ERROR(file->Make());
  return file;
}

absl::Status DatabaseFile::Make() {
  // SQLite gives its other files the mode of this one.
  const int fd = OpenOrCreate(path_);
  if (fd < 0) return ErrnoToStatus(errno, StrCat("open ", path_));
  close(fd);
  return absl::OkStatus();
}

absl::Status DatabaseFile::Lock() {
  // Not the file itself: closing any descriptor of it would drop SQLite's own locks.
  const std::string path = StrCat(path_, ".lock");
  lock_ = OpenOrCreate(path);
  if (lock_ < 0) return ErrnoToStatus(errno, StrCat("open ", path));
  if (flock(lock_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  if (errno != EWOULDBLOCK) return ErrnoToStatus(errno, StrCat("lock ", path));
  return absl::FailedPreconditionError(StrCat("another server is using the database ", path_));
}

DatabaseFile::~DatabaseFile() {
  if (!directory_.empty()) {
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
      RemoveFile(StrCat(path_, suffix)).IgnoreError();
    }
    rmdir(directory_.c_str());
  }
  if (lock_ >= 0) close(lock_);
}

}  // namespace heim
