#include "server/transfer/chats/archive_files.h"

#include <algorithm>
#include <utility>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

// Folders above what the archive is about.
constexpr int kRootDepthMax = 3;

class EntryFile : public FileStream {
 public:
  EntryFile(std::unique_ptr<ByteStream> stream, std::string place)
      : stream_(std::move(stream)), place_(std::move(place)) {}

  absl::StatusOr<std::string> Next(size_t n) override {
    std::string bytes(n, '\0');
    absl::StatusOr<size_t> got = stream_->Read(bytes.data(), n);
    if (!got.ok()) return AsInvalidArchive(got.status(), place_);
    bytes.resize(*got);
    return bytes;
  }

 private:
  const std::unique_ptr<ByteStream> stream_;
  const std::string place_;
};

// Where a file with this name lies least deep: what stands before the name.
absl::StatusOr<std::string> RootOf(const ZipReader& zip,
                                   absl::Span<const std::string_view> markers) {
  for (const std::string_view marker : markers) {
    const ZipEntry* best = nullptr;
    int best_depth = kRootDepthMax + 1;
    for (const ZipEntry& entry : zip.entries()) {
      const bool kind = marker.front() == '.' && EndsWith(entry.name, marker);
      if (!kind && entry.name != marker && !EndsWith(entry.name, StrCat("/", marker))) continue;
      if (StartsWith(entry.name, "__MACOSX/")) continue;
      const auto depth = static_cast<int>(std::count(entry.name.begin(), entry.name.end(), '/')) -
                         static_cast<int>(std::count(marker.begin(), marker.end(), '/'));
      if (depth >= best_depth) continue;
      best = &entry;
      best_depth = depth;
    }
    if (best != nullptr) return best->name.substr(0, best->name.rfind('/') + 1);
  }
  std::string names;
  for (const std::string_view marker : markers)
    StrAppend(&names, names.empty() ? "" : ", ", marker);
  return InvalidArchive("", StrCat("it holds none of: ", names));
}

}  // namespace

absl::Status InvalidArchive(std::string_view place, std::string_view why) {
  return MakeError(v1::ERROR_REASON_INVALID_ARCHIVE,
                   place.empty() ? StrCat("The archive cannot be read: ", why)
                                 : StrCat("The archive cannot be read: ", place, ": ", why));
}

absl::Status AsInvalidArchive(const absl::Status& status, std::string_view place) {
  if (status.code() != absl::StatusCode::kInvalidArgument &&
      status.code() != absl::StatusCode::kDataLoss &&
      status.code() != absl::StatusCode::kResourceExhausted) {
    return status;
  }
  return InvalidArchive(place, ToStd(status.message()));
}

ArchiveFiles::ArchiveFiles(std::unique_ptr<ZipReader> zip, std::string root)
    : zip_(std::move(zip)), root_(std::move(root)) {}

absl::StatusOr<std::unique_ptr<ArchiveFiles>> ArchiveFiles::Open(
    ByteSource& archive, absl::Span<const std::string_view> markers, ProblemBook* problems) {
  ByteSource* const bytes = &archive;
  absl::StatusOr<std::unique_ptr<ZipReader>> zip = ZipReader::Open(
      {bytes->size(), [bytes](uint64_t offset, size_t n) { return bytes->Read(offset, n); }},
      ZipLimits());
  if (!zip.ok()) return AsInvalidArchive(zip.status(), "");
  HEIM_ASSIGN_OR_RETURN(std::string root, RootOf(**zip, markers));
  for (const RefusedEntry& entry : (*zip)->refused()) {
    problems->Note("An entry of the archive is left out",
                   StrCat("entry ", entry.index + 1, " of the archive"), entry.why);
  }
  if (const uint64_t more = (*zip)->refused_count() - (*zip)->refused().size(); more > 0) {
    problems->Count("An entry of the archive is left out", more);
  }
  return std::unique_ptr<ArchiveFiles>(new ArchiveFiles(*std::move(zip), std::move(root)));
}

bool ArchiveFiles::Has(std::string_view path) const {
  return zip_->Find(StrCat(root_, path)) != nullptr;
}

std::string ArchiveFiles::Resolve(std::string_view path_or_beginning) const {
  if (Has(path_or_beginning)) return std::string(path_or_beginning);
  const absl::Span<const ZipEntry> entries = Under(path_or_beginning);
  return entries.empty() ? "" : std::string(PathOf(entries.front()));
}

absl::Span<const ZipEntry> ArchiveFiles::Under(std::string_view beginning) const {
  return zip_->EntriesUnder(StrCat(root_, beginning));
}

std::string_view ArchiveFiles::PathOf(const ZipEntry& entry) const {
  return std::string_view(entry.name).substr(root_.size());
}

absl::StatusOr<std::unique_ptr<ByteStream>> ArchiveFiles::Read(std::string_view path) {
  const ZipEntry* entry = zip_->Find(StrCat(root_, path));
  if (entry == nullptr) return InvalidArchive(path, "there is no such file");
  absl::StatusOr<std::unique_ptr<ByteStream>> stream = zip_->OpenEntry(*entry);
  if (!stream.ok()) return AsInvalidArchive(stream.status(), path);
  return stream;
}

absl::StatusOr<std::unique_ptr<FileStream>> ArchiveFiles::OpenFile(
    std::string_view path_or_beginning) {
  const std::string path = Resolve(path_or_beginning);
  if (path.empty()) return InvalidArchive(path_or_beginning, "there is no such file");
  HEIM_ASSIGN_OR_RETURN(std::unique_ptr<ByteStream> stream, Read(path));
  return std::make_unique<EntryFile>(std::move(stream), path);
}

}  // namespace heim
