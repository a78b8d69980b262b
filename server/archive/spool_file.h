// SpoolFile is room on disk for what does not fit into memory while it is brought into order: a
// file without a name, gone with its owner or the process. One thread; blocks on the disk. Errors
// carry the code for the errno, RESOURCE_EXHAUSTED when the disk is full.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace heim {

class SpoolFile {
 public:
  // In the directory, which must exist; empty: where the system keeps what is temporary.
  static absl::StatusOr<std::unique_ptr<SpoolFile>> Create(const std::string& directory);
  ~SpoolFile();
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;

  // Where the bytes will be found.
  absl::StatusOr<uint64_t> Append(std::string_view bytes);
  absl::StatusOr<std::string> Read(uint64_t offset, size_t n);

 private:
  explicit SpoolFile(int fd) : fd_(fd) {}
  absl::Status Flush();

  const int fd_;
  std::string pending_;
  uint64_t written_ = 0;
};

}  // namespace heim
