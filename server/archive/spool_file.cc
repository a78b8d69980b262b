#include "server/archive/spool_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "server/base/file_util.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr size_t kPendingMax = size_t{1} << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<SpoolFile>> SpoolFile::Create(const std::string& directory) {
  const std::string folder = directory.empty() ? "/tmp" : directory;
  int fd = open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
    std::string path = StrCat(folder, "/spool-XXXXXX");
    fd = mkostemp(path.data(), O_CLOEXEC);
    if (fd >= 0) unlink(path.c_str());
  }
  if (fd < 0) return ErrnoToStatus(errno, StrCat("open a temporary file in ", folder));
  return std::unique_ptr<SpoolFile>(new SpoolFile(fd));
}

SpoolFile::~SpoolFile() { close(fd_); }

absl::StatusOr<uint64_t> SpoolFile::Append(std::string_view bytes) {
  const uint64_t at = written_ + pending_.size();
  pending_.append(bytes);
  if (pending_.size() >= kPendingMax) HEIM_RETURN_IF_ERROR(Flush());
  return at;
}

absl::Status SpoolFile::Flush() {
  size_t done = 0;
  while (done < pending_.size()) {
    const ssize_t n = pwrite(fd_, pending_.data() + done, pending_.size() - done,
                             static_cast<off_t>(written_ + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, "write a temporary file");
    done += static_cast<size_t>(n);
  }
  written_ += done;
  pending_.clear();
  return absl::OkStatus();
}

absl::StatusOr<std::string> SpoolFile::Read(uint64_t offset, size_t n) {
  HEIM_RETURN_IF_ERROR(Flush());
  std::string bytes(n, '\0');
  size_t done = 0;
  while (done < n) {
    const ssize_t got =
        pread(fd_, bytes.data() + done, n - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoToStatus(errno, "read a temporary file");
    if (got == 0) return absl::DataLossError("a temporary file is shorter than it was");
    done += static_cast<size_t>(got);
  }
  return bytes;
}

}  // namespace heim
