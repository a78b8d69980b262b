#include "server/archive/zip_reader.h"

#include <minizip/unzip.h>

#include <algorithm>
#include <cstring>
#include <list>
#include <utility>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"

namespace heim {
namespace {

constexpr uint64_t kBlockBytes = uint64_t{128} << 10;
constexpr size_t kBlocksKept = 6;
constexpr int kDeflated = 8;
constexpr int kStored = 0;
constexpr uLong kEncryptedFlag = 1;

absl::Status Damaged(std::string_view what) {
  return absl::InvalidArgumentError(StrCat("The archive is damaged: ", what));
}

// Why an entry with this name is left out; empty when it is not.
std::string_view FaultOf(std::string_view name) {
  if (name.empty()) return "its name is empty";
  if (!IsValidUtf8(name)) return "its name is no UTF-8";
  if (HasControl(name)) return "its name has control characters";
  if (name.find('\\') != std::string_view::npos) return "its name has a backslash";
  if (name.front() == '/') return "its name is an absolute path";
  while (!name.empty()) {
    const size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return "its name leads elsewhere";
    name = slash == std::string_view::npos ? std::string_view() : name.substr(slash + 1);
  }
  return "";
}

bool ByName(const ZipEntry& a, const ZipEntry& b) { return a.name < b.name; }

}  // namespace

// The archive in blocks, a few of which are kept: minizip reads byte by byte. Shared by all
// streams.
class ZipReader::Storage {
 public:
  explicit Storage(ZipBytes archive) : archive_(std::move(archive)) {}

  uint64_t size() const { return archive_.size; }
  // What the storage said when it failed; OK when minizip found the fault by itself.
  const absl::Status& status() const { return status_; }

  size_t Read(uint64_t offset, char* out, size_t n) {
    size_t done = 0;
    while (done < n && offset + done < size()) {
      const std::string* block = Block((offset + done) / kBlockBytes);
      if (block == nullptr) break;
      const uint64_t from = (offset + done) % kBlockBytes;
      if (from >= block->size()) break;
      const size_t part = std::min<size_t>(n - done, block->size() - from);
      std::memcpy(out + done, block->data() + from, part);
      done += part;
    }
    return done;
  }

  // A handle of minizip's on the archive; null when it is none.
  unzFile Open() {
    zlib_filefunc64_def calls = {};
    calls.opaque = this;
    calls.zopen64_file = [](voidpf self, const void*, int) -> voidpf {
      return new Position{static_cast<Storage*>(self)};
    };
    calls.zread_file = [](voidpf, voidpf at, void* out, uLong n) -> uLong {
      auto* position = static_cast<Position*>(at);
      const size_t got = position->storage->Read(position->offset, static_cast<char*>(out), n);
      position->offset += got;
      position->cut = position->cut || got < n;
      return got;
    };
    calls.zwrite_file = [](voidpf, voidpf, const void*, uLong) -> uLong { return 0; };
    calls.ztell64_file = [](voidpf, voidpf at) -> ZPOS64_T {
      return static_cast<Position*>(at)->offset;
    };
    calls.zseek64_file = [](voidpf, voidpf at, ZPOS64_T offset, int origin) -> long {
      return static_cast<Position*>(at)->Seek(offset, origin);
    };
    calls.zclose_file = [](voidpf, voidpf at) -> int {
      delete static_cast<Position*>(at);
      return 0;
    };
    // Minizip takes a byte that is not there for a zero unless this says otherwise.
    calls.zerror_file = [](voidpf, voidpf at) -> int { return static_cast<Position*>(at)->cut; };
    return unzOpen2_64("", &calls);
  }

 private:
  struct Position {
    Storage* storage;
    uint64_t offset = 0;
    bool cut = false;

    long Seek(uint64_t to, int origin) {
      const uint64_t base = origin == ZLIB_FILEFUNC_SEEK_SET   ? 0
                            : origin == ZLIB_FILEFUNC_SEEK_CUR ? offset
                                                               : storage->size();
      if (to > storage->size() || base + to > storage->size()) return -1;
      offset = base + to;
      return 0;
    }
  };

  const std::string* Block(uint64_t number) {
    for (auto at = blocks_.begin(); at != blocks_.end(); ++at) {
      if (at->first != number) continue;
      blocks_.splice(blocks_.begin(), blocks_, at);
      return &blocks_.front().second;
    }
    absl::StatusOr<std::string> bytes = archive_.read(number * kBlockBytes, kBlockBytes);
    if (!bytes.ok()) {
      status_ = bytes.status();
      return nullptr;
    }
    if (blocks_.size() == kBlocksKept) blocks_.pop_back();
    blocks_.emplace_front(number, *std::move(bytes));
    return &blocks_.front().second;
  }

  const ZipBytes archive_;
  std::list<std::pair<uint64_t, std::string>> blocks_;  // the last used first
  absl::Status status_;
};

class ZipReader::Stream : public ByteStream {
 public:
  Stream(Storage* storage, unzFile zip, const ZipEntry& entry)
      : storage_(storage), zip_(zip), name_(entry.name), size_(entry.size) {}
  ~Stream() override { Close(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  absl::StatusOr<size_t> Read(char* out, size_t n) override {
    if (!status_.ok()) return status_;
    if (zip_ == nullptr || n == 0) return size_t{0};
    constexpr size_t kAtOnce = size_t{1} << 20;
    const int got = unzReadCurrentFile(zip_, out, static_cast<unsigned>(std::min(n, kAtOnce)));
    if (got < 0) return Fail("its contents cannot be unpacked");
    done_ += static_cast<uint64_t>(got);
    if (got > 0) return static_cast<size_t>(got);
    if (done_ != size_) return Fail("it ends early");
    const int sum = unzCloseCurrentFile(zip_);
    unzClose(std::exchange(zip_, nullptr));
    if (sum != UNZ_OK) return Fail("its checksum does not match");
    return size_t{0};
  }

 private:
  absl::Status Fail(std::string_view why) {
    status_ = !storage_->status().ok()
                  ? storage_->status()
                  : absl::DataLossError(StrCat("The archive is damaged: ", name_, ": ", why));
    Close();
    return status_;
  }
  void Close() {
    if (zip_ == nullptr) return;
    unzCloseCurrentFile(zip_);
    unzClose(std::exchange(zip_, nullptr));
  }

  Storage* const storage_;
  unzFile zip_;
  const std::string name_;
  const uint64_t size_;
  uint64_t done_ = 0;
  absl::Status status_;
};

ZipReader::ZipReader(std::unique_ptr<Storage> storage, const ZipLimits& limits)
    : limits_(limits), storage_(std::move(storage)) {}

ZipReader::~ZipReader() = default;

absl::StatusOr<std::unique_ptr<ZipReader>> ZipReader::Open(ZipBytes archive,
                                                           const ZipLimits& limits) {
  std::unique_ptr<ZipReader> reader(
      new ZipReader(std::make_unique<Storage>(std::move(archive)), limits));
  HEIM_RETURN_IF_ERROR(reader->ReadTable());
  return reader;
}

absl::Status ZipReader::ReadTable() {
  unzFile zip = storage_->Open();
  if (zip == nullptr) {
    if (!storage_->status().ok()) return storage_->status();
    return absl::InvalidArgumentError("This is no ZIP archive, or it is cut off");
  }
  const auto read = [&]() -> absl::Status {
    unz_global_info64 info = {};
    if (unzGetGlobalInfo64(zip, &info) != UNZ_OK) return Damaged("its table of contents");
    if (info.number_entry > limits_.entries) {
      return absl::ResourceExhaustedError(
          StrCat("The archive has more than ", limits_.entries, " entries"));
    }
    for (uint64_t index = 0; index < info.number_entry; ++index) {
      const int moved = index == 0 ? unzGoToFirstFile(zip) : unzGoToNextFile(zip);
      if (moved != UNZ_OK) return Damaged("its table of contents");
      HEIM_RETURN_IF_ERROR(AddEntry(zip, index));
    }
    return absl::OkStatus();
  };
  const absl::Status status = read();
  unzClose(zip);
  if (!storage_->status().ok()) return storage_->status();
  HEIM_RETURN_IF_ERROR(status);
  uint64_t packed = 0;
  uint64_t unpacked = 0;
  for (const ZipEntry& entry : entries_) {
    // Each is at most 2^40 by now, and there are at most 2^19.
    packed += entry.packed_size;
    unpacked += entry.size;
  }
  return FinishTable(packed, unpacked);
}

absl::Status ZipReader::AddEntry(void* zip, uint64_t index) {
  unz_file_info64 info = {};
  std::string name(limits_.name_bytes, '\0');
  unz64_file_pos at = {};
  if (unzGetCurrentFileInfo64(zip, &info, name.data(), name.size(), nullptr, 0, nullptr, 0) !=
          UNZ_OK ||
      unzGetFilePos64(zip, &at) != UNZ_OK) {
    return Damaged("its table of contents");
  }
  if (info.size_filename > limits_.name_bytes) {
    Refuse(index, "its name is too long");
    return absl::OkStatus();
  }
  name.resize(info.size_filename);
  const bool folder = !name.empty() && name.back() == '/';
  if (folder) name.pop_back();
  if (const std::string_view fault = FaultOf(name); !fault.empty()) {
    Refuse(index, fault);
    return absl::OkStatus();
  }
  if (folder) return absl::OkStatus();
  if (info.compressed_size > storage_->size()) return Damaged("an entry is larger than all of it");
  if (info.uncompressed_size > limits_.total_bytes) {
    return absl::ResourceExhaustedError("The archive holds more than may be unpacked");
  }
  entries_.push_back({std::move(name), info.uncompressed_size, info.compressed_size,
                      at.pos_in_zip_directory, at.num_of_file});
  return absl::OkStatus();
}

void ZipReader::Refuse(uint64_t index, std::string_view why) {
  ++refused_count_;
  if (refused_.size() < kRefusedShown) refused_.push_back({index, std::string(why)});
}

absl::Status ZipReader::FinishTable(uint64_t packed, uint64_t unpacked) {
  if (packed > storage_->size()) return Damaged("its entries overlap");
  if (unpacked > limits_.total_bytes ||
      unpacked > limits_.ratio_free_bytes + limits_.ratio * storage_->size()) {
    return absl::ResourceExhaustedError("The archive holds more than may be unpacked");
  }
  std::stable_sort(entries_.begin(), entries_.end(), ByName);
  const auto same = [](const ZipEntry& a, const ZipEntry& b) { return a.name == b.name; };
  for (size_t i = 1; i < entries_.size(); ++i) {
    if (same(entries_[i - 1], entries_[i])) {
      Refuse(entries_[i].table_index, "another entry has its name");
    }
  }
  entries_.erase(std::unique(entries_.begin(), entries_.end(), same), entries_.end());
  return absl::OkStatus();
}

absl::Span<const ZipEntry> ZipReader::EntriesUnder(std::string_view prefix) const {
  const auto first = std::lower_bound(
      entries_.begin(), entries_.end(), prefix,
      [](const ZipEntry& entry, std::string_view name) { return entry.name < name; });
  auto last = first;
  while (last != entries_.end() && StartsWith(last->name, prefix)) ++last;
  return absl::MakeConstSpan(entries_).subspan(static_cast<size_t>(first - entries_.begin()),
                                               static_cast<size_t>(last - first));
}

const ZipEntry* ZipReader::Find(std::string_view name) const {
  const auto at = std::lower_bound(
      entries_.begin(), entries_.end(), name,
      [](const ZipEntry& entry, std::string_view wanted) { return entry.name < wanted; });
  return at != entries_.end() && at->name == name ? &*at : nullptr;
}

absl::StatusOr<std::unique_ptr<ByteStream>> ZipReader::OpenEntry(const ZipEntry& entry) {
  if (entry.size > limits_.entry_bytes ||
      entry.size > limits_.ratio_free_bytes + limits_.ratio * entry.packed_size) {
    return absl::ResourceExhaustedError(StrCat(entry.name, " holds more than may be unpacked"));
  }
  unzFile zip = storage_->Open();
  if (zip == nullptr) {
    return storage_->status().ok() ? Damaged(entry.name) : storage_->status();
  }
  unz64_file_pos at = {entry.table_offset, entry.table_index};
  unz_file_info64 info = {};
  absl::Status fault;
  if (unzGoToFilePos64(zip, &at) != UNZ_OK ||
      unzGetCurrentFileInfo64(zip, &info, nullptr, 0, nullptr, 0, nullptr, 0) != UNZ_OK) {
    fault = Damaged(entry.name);
  } else if ((info.flag & kEncryptedFlag) != 0) {
    fault = absl::InvalidArgumentError(StrCat(entry.name, " is encrypted"));
  } else if (info.compression_method != kDeflated && info.compression_method != kStored) {
    fault = absl::InvalidArgumentError(StrCat(entry.name, " is packed by an unknown method"));
  } else if (unzOpenCurrentFile(zip) != UNZ_OK) {
    fault = Damaged(entry.name);
  }
  if (!fault.ok()) {
    unzClose(zip);
    return storage_->status().ok() ? fault : storage_->status();
  }
  return std::make_unique<Stream>(storage_.get(), zip, entry);
}

absl::StatusOr<std::string> ReadAll(ByteStream& stream, size_t max_bytes) {
  std::string all;
  std::string part(size_t{64} << 10, '\0');
  while (true) {
    HEIM_ASSIGN_OR_RETURN(const size_t got, stream.Read(part.data(), part.size()));
    if (got == 0) return all;
    if (all.size() + got > max_bytes) {
      return absl::ResourceExhaustedError(StrCat("more than ", max_bytes, " bytes"));
    }
    all.append(part, 0, got);
  }
}

}  // namespace heim
