#include "server/transfer/heim_archive.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/transfer_limits.h"
#include "server/transfer/tar.h"

namespace heim {
namespace {

constexpr std::string_view kRecordFolder = "records/";
constexpr size_t kReadBytes = 256u << 10;

std::string PieceName(uint32_t number) {
  char digits[16];
  std::snprintf(digits, sizeof(digits), "%08u", number);
  return StrCat(kRecordFolder, digits, ".jsonl");
}

// A stretch of the archive, read in order.
class Stretch final : public FileStream {
 public:
  Stretch(ByteSource& archive, uint64_t offset, uint64_t size)
      : archive_(archive), at_(offset), end_(offset + size) {}

  absl::StatusOr<std::string> Next(size_t n) override {
    const auto wanted = static_cast<size_t>(std::min<uint64_t>(n, end_ - at_));
    if (wanted == 0) return std::string();
    HEIM_ASSIGN_OR_RETURN(std::string bytes, archive_.Read(at_, wanted));
    if (bytes.size() != wanted) return BadArchive("", "the archive is cut off");
    at_ += wanted;
    return bytes;
  }

 private:
  ByteSource& archive_;
  uint64_t at_;
  const uint64_t end_;
};

class HeimArchive final : public RecordSource {
 public:
  HeimArchive(ByteSource& archive, const RecordCodec& codec) : archive_(archive), codec_(codec) {}

  absl::Status ReadIndex();

  absl::StatusOr<std::optional<v1::ExportRecord>> Next() override;
  std::string Place() const override { return StrCat(PieceName(piece_), ":", line_); }
  absl::StatusOr<std::unique_ptr<FileStream>> OpenFile(std::string_view path) override;

 private:
  struct Spot {
    uint64_t offset = 0;
    uint64_t size = 0;
  };

  // The next line without its end; nullopt after the last.
  absl::StatusOr<std::optional<std::string>> NextLine();
  absl::Status CheckOrder(const v1::ExportRecord& record);
  absl::Status Bad(std::string_view what) const { return BadArchive(Place(), what); }

  ByteSource& archive_;
  const RecordCodec& codec_;
  std::vector<Spot> pieces_;
  // By hash of the path: four million paths would be a lot to keep.
  absl::flat_hash_map<uint64_t, Spot> files_;

  uint32_t piece_ = 0;  // that is read, from 1
  uint64_t line_ = 0;
  uint64_t read_ = 0;  // bytes of the piece
  std::string buffer_;
  size_t taken_ = 0;  // of the buffer
  uint64_t records_ = 0;
  bool ended_ = false;
};

absl::Status HeimArchive::ReadIndex() {
  TarWalk walk(archive_);
  while (true) {
    HEIM_ASSIGN_OR_RETURN(const std::optional<TarEntry> entry, walk.Next());
    if (!entry.has_value()) break;
    if (pieces_.size() + files_.size() >= kArchiveEntriesMax) {
      return BadArchive(entry->name, "the archive has too many files");
    }
    const Spot spot = {entry->offset, entry->size};
    if (StartsWith(entry->name, kRecordFolder)) {
      if (entry->name != PieceName(static_cast<uint32_t>(pieces_.size() + 1))) {
        return BadArchive(entry->name, "records are numbered without gaps");
      }
      pieces_.push_back(spot);
      continue;
    }
    if (!files_.emplace(absl::HashOf(ToAbsl(entry->name)), spot).second) {
      return BadArchive(entry->name, "a name that is there twice");
    }
  }
  if (pieces_.empty()) return BadArchive("", "this is no archive of Heim: it holds no records");
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> HeimArchive::NextLine() {
  while (true) {
    const size_t end = buffer_.find('\n', taken_);
    if (end != std::string::npos) {
      ++line_;
      std::string line = buffer_.substr(taken_, end - taken_);
      taken_ = end + 1;
      return line;
    }
    buffer_.erase(0, std::exchange(taken_, 0));
    if (piece_ > 0 && read_ < pieces_[piece_ - 1].size) {
      const Spot& spot = pieces_[piece_ - 1];
      if (buffer_.size() > kArchiveRecordMaxBytes) return Bad("a record that is too long");
      const auto n = static_cast<size_t>(std::min<uint64_t>(kReadBytes, spot.size - read_));
      HEIM_ASSIGN_OR_RETURN(const std::string more, archive_.Read(spot.offset + read_, n));
      if (more.size() != n) return Bad("the archive is cut off");
      read_ += n;
      buffer_ += more;
      continue;
    }
    if (!buffer_.empty()) return Bad("the last line has no end");
    if (piece_ == pieces_.size()) return std::nullopt;
    ++piece_;
    line_ = 0;
    read_ = 0;
  }
}

absl::Status HeimArchive::CheckOrder(const v1::ExportRecord& record) {
  if (ended_) return Bad("nothing comes after the end");
  if (record.has_header() != (records_ == 0)) return Bad("the header is the first record");
  if (record.has_header()) {
    if (record.header().format() != kArchiveFormat) {
      return Bad(StrCat("format ", record.header().format(), " is not known here; known is ",
                        kArchiveFormat));
    }
    if (record.header().scope() != v1::EXPORT_SCOPE_WORKSPACE) {
      return Bad("only the export of a whole workspace can be imported");
    }
  }
  if (record.has_end() && record.end().records() != records_) {
    return Bad("records are missing: the end counts others");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<v1::ExportRecord>> HeimArchive::Next() {
  HEIM_ASSIGN_OR_RETURN(const std::optional<std::string> line, NextLine());
  if (!line.has_value()) {
    if (!ended_) return Bad("the archive is cut off: the record of its end is missing");
    return std::nullopt;
  }
  v1::ExportRecord record;
  const absl::Status parsed = codec_.Parse(*line, &record);
  if (!parsed.ok()) return Bad(ToStd(parsed.message()));
  if (record.record_case() == v1::ExportRecord::RECORD_NOT_SET) return Bad("a record of no kind");
  HEIM_RETURN_IF_ERROR(CheckOrder(record));
  if (record.has_end()) {
    ended_ = true;
    return Next();
  }
  ++records_;
  return record;
}

absl::StatusOr<std::unique_ptr<FileStream>> HeimArchive::OpenFile(std::string_view path) {
  const auto found = files_.find(absl::HashOf(ToAbsl(path)));
  if (found == files_.end()) return Bad("the file that it names is not in the archive");
  return std::make_unique<Stretch>(archive_, found->second.offset, found->second.size);
}

}  // namespace

void HeimArchiveWriter::Add(const v1::ExportRecord& record, std::string* out) {
  codec_.Append(record, &lines_);
  lines_.push_back('\n');
  ++records_;
  if (lines_.size() >= kArchivePieceBytes) Flush(out);
}

void HeimArchiveWriter::Flush(std::string* out) {
  if (lines_.empty()) return;
  AppendTarHeader(PieceName(++pieces_), lines_.size(), at_, out);
  out->append(lines_);
  AppendTarPadding(lines_.size(), out);
  lines_.clear();
}

void HeimArchiveWriter::BeginFile(std::string_view path, uint64_t size, std::string* out) {
  Flush(out);
  AppendTarHeader(path, size, at_, out);
}

void HeimArchiveWriter::EndFile(uint64_t size, std::string* out) { AppendTarPadding(size, out); }

void HeimArchiveWriter::Finish(std::string* out) {
  v1::ExportRecord record;
  record.mutable_end()->set_records(records_);
  Add(record, out);
  Flush(out);
  AppendTarEnd(out);
}

absl::StatusOr<std::unique_ptr<RecordSource>> OpenHeimArchive(ByteSource& archive,
                                                              const RecordCodec& codec) {
  auto opened = std::make_unique<HeimArchive>(archive, codec);
  HEIM_RETURN_IF_ERROR(opened->ReadIndex());
  return std::unique_ptr<RecordSource>(std::move(opened));
}

}  // namespace heim
