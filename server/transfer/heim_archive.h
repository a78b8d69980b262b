// Heim's own archive: a tar of records (records/00000001.jsonl …, JSON lines in order) and of the
// files that they name. Written in a stream by whoever has records and bytes; read anywhere in it.
// One thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/export.pb.h"
#include "server/transfer/record_source.h"

namespace heim {

inline constexpr uint32_t kArchiveFormat = 1;

// HeimArchiveWriter makes the bytes of an archive, piece by piece. Never blocks; holds the records
// of one piece.
class HeimArchiveWriter {
 public:
  // `at` is the time that the entries show.
  HeimArchiveWriter(const RecordCodec& codec, absl::Time at) : codec_(codec), at_(at) {}

  // Takes a record; what is complete is appended to `out`.
  void Add(const v1::ExportRecord& record, std::string* out);
  // Before the bytes of a file, which the caller appends, exactly as many; then EndFile. Records
  // that were added before stand before the file.
  void BeginFile(std::string_view path, uint64_t size, std::string* out);
  void EndFile(uint64_t size, std::string* out);
  // The record of the end and the end of the archive.
  void Finish(std::string* out);

 private:
  void Flush(std::string* out);

  const RecordCodec& codec_;
  const absl::Time at_;
  std::string lines_;
  uint64_t records_ = 0;
  uint32_t pieces_ = 0;
};

// Reads an archive of a workspace. Goes through its entries once, here, and keeps a place of each.
// INVALID_ARCHIVE for what is none, is cut off, or holds names twice.
absl::StatusOr<std::unique_ptr<RecordSource>> OpenHeimArchive(ByteSource& archive,
                                                              const RecordCodec& codec);

}  // namespace heim
