#include "server/blob/local/local_blob_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "server/base/crypto.h"
#include "server/base/file_util.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;

absl::Status NotAKey() { return absl::InvalidArgumentError("not a blob key"); }

absl::Status Failed(std::string_view verb, const std::string& path) {
  return ErrnoToStatus(errno, StrCat(verb, " ", path));
}

// Keys begin with a time, so the folder is taken from their hash: 256 folders fill evenly.
std::string FolderOf(const std::string& directory, std::string_view key) {
  return StrCat(directory, "/", HexEncode(Sha256(key).substr(0, 1)));
}

std::string PathOf(const std::string& directory, std::string_view key) {
  return StrCat(FolderOf(directory, key), "/", key);
}

int OpenFile(const std::string& path, int flags) {
  int fd = -1;
  do {
    fd = open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, kFileMode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

absl::Status SyncDirectory(const std::string& path) {
  const int fd = OpenFile(path, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return Failed("open", path);
  const absl::Status status = fsync(fd) == 0 ? absl::OkStatus() : Failed("sync", path);
  close(fd);
  return status;
}

class LocalBlobWriter final : public BlobWriter {
 public:
  LocalBlobWriter(std::string directory, std::string temporary, int fd)
      : directory_(std::move(directory)), temporary_(std::move(temporary)), fd_(fd) {}
  ~LocalBlobWriter() override { Abort(); }

  absl::Status Append(std::string_view bytes) override {
    if (fd_ < 0) return absl::FailedPreconditionError("the blob is closed");
    while (!bytes.empty()) {
      const ssize_t written = write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Failed("write", temporary_);
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  absl::Status Commit(std::string_view key) override {
    if (fd_ < 0) return absl::FailedPreconditionError("the blob is closed");
    if (!IsBlobKey(key)) return NotAKey();
    const std::string folder = FolderOf(directory_, key);
    HEIM_RETURN_IF_ERROR(EnsureFolder(folder));
    if (fsync(fd_) != 0) return Failed("sync", temporary_);
    const std::string path = PathOf(directory_, key);
    if (rename(temporary_.c_str(), path.c_str()) != 0) return Failed("rename", path);
    close(std::exchange(fd_, -1));
    return SyncDirectory(folder);
  }

  void Abort() override {
    if (fd_ < 0) return;
    close(std::exchange(fd_, -1));
    unlink(temporary_.c_str());
  }

 private:
  absl::Status EnsureFolder(const std::string& folder) {
    if (mkdir(folder.c_str(), kDirectoryMode) == 0) return SyncDirectory(directory_);
    return errno == EEXIST ? absl::OkStatus() : Failed("make", folder);
  }

  const std::string directory_;
  const std::string temporary_;
  int fd_;
};

class LocalBlobReader final : public BlobReader {
 public:
  LocalBlobReader(std::string path, int fd, uint64_t size)
      : path_(std::move(path)), fd_(fd), size_(size) {}
  ~LocalBlobReader() override { close(fd_); }

  uint64_t size() const override { return size_; }

  absl::StatusOr<std::string> Read(uint64_t offset, size_t n) override {
    if (offset >= size_) return std::string();
    std::string bytes(static_cast<size_t>(std::min<uint64_t>(n, size_ - offset)), '\0');
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t got =
          pread(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Failed("read", path_);
      if (got == 0) return absl::DataLossError(StrCat(path_, " became shorter"));
      done += static_cast<size_t>(got);
    }
    return bytes;
  }

 private:
  const std::string path_;
  const int fd_;
  const uint64_t size_;
};

// What a crash left in the folder of temporary files.
absl::Status RemoveLeftovers(const std::string& folder) {
  DIR* const dir = opendir(folder.c_str());
  if (dir == nullptr) return Failed("open", folder);
  while (const dirent* entry = readdir(dir)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") unlink(StrCat(folder, "/", name).c_str());
  }
  closedir(dir);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalBlobStore>> LocalBlobStore::Create(const std::string& directory,
                                                                       Entropy& entropy) {
  const std::string temporary = StrCat(directory, "/tmp");
  HEIM_RETURN_IF_ERROR(EnsureDirectory(temporary, kDirectoryMode));
  HEIM_RETURN_IF_ERROR(RemoveLeftovers(temporary));
  return std::unique_ptr<LocalBlobStore>(new LocalBlobStore(directory, entropy));
}

absl::StatusOr<std::unique_ptr<BlobWriter>> LocalBlobStore::Create() {
  const std::string temporary = StrCat(directory_, "/tmp/", RandomBase62(entropy_, 22));
  const int fd = OpenFile(temporary, O_WRONLY | O_CREAT | O_EXCL);
  if (fd < 0) return Failed("make", temporary);
  return std::unique_ptr<BlobWriter>(new LocalBlobWriter(directory_, temporary, fd));
}

absl::StatusOr<std::unique_ptr<BlobReader>> LocalBlobStore::Open(std::string_view key) {
  if (!IsBlobKey(key)) return NotAKey();
  const std::string path = PathOf(directory_, key);
  const int fd = OpenFile(path, O_RDONLY);
  if (fd < 0) return Failed("open", path);
  struct stat facts;
  if (fstat(fd, &facts) != 0) {
    const absl::Status status = Failed("look at", path);
    close(fd);
    return status;
  }
  return std::unique_ptr<BlobReader>(
      new LocalBlobReader(path, fd, static_cast<uint64_t>(facts.st_size)));
}

absl::Status LocalBlobStore::Delete(std::string_view key) {
  if (!IsBlobKey(key)) return NotAKey();
  const std::string path = PathOf(directory_, key);
  if (unlink(path.c_str()) == 0) return SyncDirectory(FolderOf(directory_, key));
  return errno == ENOENT ? absl::OkStatus() : Failed("delete", path);
}

}  // namespace heim
