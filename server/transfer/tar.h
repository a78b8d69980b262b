// Tar, as far as archives of Heim need it: regular files in the format of POSIX (ustar, with pax
// headers for what does not fit into it). Whoever has the archive owns its walk; one thread at a
// time. Writing never blocks; reading blocks on the source.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/transfer/record_source.h"

namespace heim {

inline constexpr size_t kTarBlock = 512;

// Appends what comes before the bytes of a file. `name` is of the writer's own making: at most 100
// bytes, relative.
void AppendTarHeader(std::string_view name, uint64_t size, absl::Time at, std::string* out);
// Appends what fills up the last block of a file of this size.
void AppendTarPadding(uint64_t size, std::string* out);
// Appends the end of the archive.
void AppendTarEnd(std::string* out);

struct TarEntry {
  std::string name;
  uint64_t offset = 0;  // of its bytes
  uint64_t size = 0;
};

// TarWalk goes through the entries of an archive without reading their bytes. Links, devices and
// names that lead out of the archive are refused; folders are passed over.
class TarWalk {
 public:
  explicit TarWalk(ByteSource& source) : source_(source) {}

  // The next file, nullopt at the end mark. INVALID_ARCHIVE for what is no tar, is cut off, or has
  // names that lead out of it.
  absl::StatusOr<std::optional<TarEntry>> Next();

 private:
  absl::StatusOr<std::optional<TarEntry>> TakeHeader(std::string_view block);
  absl::Status TakePax(uint64_t size);

  ByteSource& source_;
  uint64_t at_ = 0;
  // From a pax header, for the entry that follows.
  std::optional<std::string> pax_path_;
  std::optional<uint64_t> pax_size_;
};

// INVALID_ARCHIVE at a place.
absl::Status BadArchive(std::string_view place, std::string_view what);

// Whether the path is relative, without "." and "..", empty parts, controls and backslashes, at
// most kArchivePathMaxBytes.
bool IsArchivePath(std::string_view path);

}  // namespace heim
