// ZipReader reads a ZIP archive that somebody else made: its table of contents once, then any entry
// as a stream, so that memory does not grow with what the archive holds. Names are data and never
// become paths. Owned by whoever reads; one thread at a time, its streams included. Blocks on the
// storage of the archive. The only door to minizip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/archive/byte_stream.h"

namespace heim {

// What an archive may be. The ratio is bytes of contents for each byte of archive, counted beyond
// `ratio_free_bytes`: for each entry, and for all together. Entries that overlap show in the sum.
struct ZipLimits {
  uint64_t entries = 500'000;
  size_t name_bytes = 1024;
  uint64_t entry_bytes = uint64_t{64} << 30;
  uint64_t total_bytes = uint64_t{1} << 40;
  uint64_t ratio = 250;
  uint64_t ratio_free_bytes = uint64_t{16} << 20;
};

// Where the bytes of the archive are: `read` gives at most `n` from `offset`, fewer only at the
// end.
struct ZipBytes {
  uint64_t size = 0;
  std::function<absl::StatusOr<std::string>(uint64_t offset, size_t n)> read;
};

struct ZipEntry {
  std::string name;  // valid UTF-8, relative, no "..", no backslash, no control
  uint64_t size = 0;
  uint64_t packed_size = 0;
  // Where the table of contents has it; minizip's.
  uint64_t table_offset = 0;
  uint64_t table_index = 0;
};

// An entry that is left out, because of its name.
struct RefusedEntry {
  uint64_t index = 0;  // from 0, in the archive's order
  std::string why;
};

class ZipReader {
 public:
  // INVALID_ARGUMENT for what is no archive, is damaged or is cut; RESOURCE_EXHAUSTED beyond a
  // limit; what the storage says.
  static absl::StatusOr<std::unique_ptr<ZipReader>> Open(ZipBytes archive, const ZipLimits& limits);
  ~ZipReader();
  ZipReader(const ZipReader&) = delete;
  ZipReader& operator=(const ZipReader&) = delete;

  // Files, not folders, by name. Of equal names the first counts.
  absl::Span<const ZipEntry> entries() const { return entries_; }
  // Those whose names begin with `prefix`.
  absl::Span<const ZipEntry> EntriesUnder(std::string_view prefix) const;
  const ZipEntry* Find(std::string_view name) const;

  // The first kRefusedShown of them, and how many there are.
  static constexpr size_t kRefusedShown = 20;
  const std::vector<RefusedEntry>& refused() const { return refused_; }
  uint64_t refused_count() const { return refused_count_; }

  // The contents. Its checksum is verified at the end: the last Read fails when it does not match.
  // INVALID_ARGUMENT for an entry that is encrypted, packed by another method or damaged;
  // RESOURCE_EXHAUSTED for one that is too large or grows too much. The reader must outlive it.
  absl::StatusOr<std::unique_ptr<ByteStream>> OpenEntry(const ZipEntry& entry);

 private:
  class Storage;
  class Stream;

  ZipReader(std::unique_ptr<Storage> storage, const ZipLimits& limits);
  absl::Status ReadTable();
  absl::Status AddEntry(void* zip, uint64_t index);
  void Refuse(uint64_t index, std::string_view why);
  absl::Status FinishTable(uint64_t packed, uint64_t unpacked);

  const ZipLimits limits_;
  std::unique_ptr<Storage> storage_;
  std::vector<ZipEntry> entries_;
  std::vector<RefusedEntry> refused_;
  uint64_t refused_count_ = 0;
};

// The whole stream; RESOURCE_EXHAUSTED when it is longer than `max_bytes`.
absl::StatusOr<std::string> ReadAll(ByteStream& stream, size_t max_bytes);

}  // namespace heim
