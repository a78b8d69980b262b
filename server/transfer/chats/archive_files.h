// ArchiveFiles is the ZIP archive of another chat: its files by their paths, wherever in the
// archive they begin (who packs a folder again puts everything into it). Owned by a reader and used
// by one thread; the archive outlives it. Blocks on the archive. Errors are INVALID_ARCHIVE, or
// what the archive's storage says.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/archive/byte_stream.h"
#include "server/archive/zip_reader.h"
#include "server/transfer/chats/problem_book.h"
#include "server/transfer/record_source.h"

namespace heim {

class ArchiveFiles {
 public:
  // The archive begins in the folder where the first of `markers` that it has lies: names of files,
  // or with a dot in front how a name ends. Entries that are left out become problems.
  static absl::StatusOr<std::unique_ptr<ArchiveFiles>> Open(
      ByteSource& archive, absl::Span<const std::string_view> markers, ProblemBook* problems);

  bool Has(std::string_view path) const;
  // The path of the file, or of the first one whose path begins so; empty: there is none.
  std::string Resolve(std::string_view path_or_beginning) const;
  // Whole paths in the archive of what begins so, in order.
  absl::Span<const ZipEntry> Under(std::string_view beginning) const;
  // The path without what stands before the archive's beginning.
  std::string_view PathOf(const ZipEntry& entry) const;

  absl::StatusOr<std::unique_ptr<ByteStream>> Read(std::string_view path);
  // By Resolve.
  absl::StatusOr<std::unique_ptr<FileStream>> OpenFile(std::string_view path_or_beginning);

 private:
  ArchiveFiles(std::unique_ptr<ZipReader> zip, std::string root);

  const std::unique_ptr<ZipReader> zip_;
  const std::string root_;
};

// INVALID_ARCHIVE with its place, if there is one.
absl::Status InvalidArchive(std::string_view place, std::string_view why);
// The same of an error of server/archive; other errors as they are.
absl::Status AsInvalidArchive(const absl::Status& status, std::string_view place);

}  // namespace heim
