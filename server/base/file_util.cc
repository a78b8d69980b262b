#include "server/base/file_util.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

// Closes a descriptor at the end of its scope.
class Fd {
 public:
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { Close(); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  int get() const { return fd_; }
  bool Close() {
    const int fd = fd_;
    fd_ = -1;
    return fd < 0 || close(fd) == 0;
  }

 private:
  int fd_;
};

int OpenRetrying(const std::string& path, int flags) {
  int fd;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

std::string ParentOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::Status Failed(std::string_view verb, const std::string& path) {
  return ErrnoToStatus(errno, StrCat(verb, " ", path));
}

absl::Status WriteAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return Failed("write", path);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status SyncDirectory(const std::string& path) {
  Fd fd(OpenRetrying(path, O_RDONLY | O_DIRECTORY));
  if (fd.get() < 0) return Failed("open", path);
  if (fsync(fd.get()) != 0) return Failed("sync", path);
  return absl::OkStatus();
}

absl::Status WriteTemporary(Fd& fd, const std::string& temporary, std::string_view bytes,
                            mode_t mode) {
  if (fchmod(fd.get(), mode) != 0) return Failed("set the mode of", temporary);
  HEIM_RETURN_IF_ERROR(WriteAll(fd.get(), bytes, temporary));
  if (fsync(fd.get()) != 0) return Failed("sync", temporary);
  if (!fd.Close()) return Failed("close", temporary);
  return absl::OkStatus();
}

}  // namespace

absl::Status ErrnoToStatus(int error, std::string_view what) {
  const std::string message = StrCat(what, ": ", std::generic_category().message(error));
  switch (error) {
    case 0:
      return absl::OkStatus();
    case ENOENT:
      return absl::NotFoundError(message);
    case EEXIST:
      return absl::AlreadyExistsError(message);
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::PermissionDeniedError(message);
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EFBIG:
      return absl::ResourceExhaustedError(message);
    case EINVAL:
    case ENAMETOOLONG:
    case EISDIR:
    case ELOOP:
      return absl::InvalidArgumentError(message);
    case ENOTDIR:
    case ENOTEMPTY:
    case EBUSY:
      return absl::FailedPreconditionError(message);
    case EAGAIN:
    case EINTR:
    case EADDRINUSE:
    case ECONNREFUSED:
    case ECONNRESET:
    case ENETUNREACH:
    case EHOSTUNREACH:
      return absl::UnavailableError(message);
    case ETIMEDOUT:
      return absl::DeadlineExceededError(message);
    case EIO:
      return absl::DataLossError(message);
    default:
      return absl::UnknownError(message);
  }
}

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes) {
  Fd fd(OpenRetrying(path, O_RDONLY));
  if (fd.get() < 0) return Failed("open", path);
  std::string content;
  char buffer[16 * 1024];
  while (true) {
    const ssize_t got = read(fd.get(), buffer, sizeof(buffer));
    if (got < 0) {
      if (errno == EINTR) continue;
      return Failed("read", path);
    }
    if (got == 0) return content;
    if (content.size() + static_cast<size_t>(got) > max_bytes) {
      return absl::ResourceExhaustedError(
          StrCat("read ", path, ": larger than ", max_bytes, " bytes"));
    }
    content.append(buffer, static_cast<size_t>(got));
  }
}

absl::Status WriteFileAtomically(const std::string& path, std::string_view bytes, mode_t mode) {
  const std::string parent = ParentOf(path);
  std::string temporary = StrCat(path, ".tmp.XXXXXX");
  Fd fd(mkostemp(temporary.data(), O_CLOEXEC));
  if (fd.get() < 0) return Failed("make a file beside", path);
  absl::Status status = WriteTemporary(fd, temporary, bytes, mode);
  if (status.ok() && rename(temporary.c_str(), path.c_str()) != 0) status = Failed("replace", path);
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return SyncDirectory(parent);
}

absl::Status EnsureDirectory(const std::string& path, mode_t mode) {
  if (path.empty()) return absl::InvalidArgumentError("the directory has no name");
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string prefix = path.substr(0, end);
    if (mkdir(prefix.c_str(), mode) == 0) {
      if (chmod(prefix.c_str(), mode) != 0) return Failed("set the mode of", prefix);
    } else if (errno != EEXIST) {
      struct stat info {};
      const int error = errno;
      // A read-only or foreign parent is fine as long as it is there.
      if (stat(prefix.c_str(), &info) != 0) {
        return ErrnoToStatus(error, StrCat("make directory ", prefix));
      }
    }
    if (end == std::string::npos) break;
  }
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return Failed("look at", path);
  if (!S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(StrCat(path, " is not a directory"));
  }
  return absl::OkStatus();
}

absl::Status RemoveFile(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return Failed("remove", path);
  return absl::OkStatus();
}

bool FileExists(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0;
}

}  // namespace heim
