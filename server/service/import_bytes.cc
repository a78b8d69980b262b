#include "server/service/import_bytes.h"

#include <algorithm>
#include <utility>

#include "server/base/crypto.h"
#include "server/base/sha256.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/people_limits.h"
#include "server/service/file_type.h"
#include "server/service/file_upload.h"
#include "server/transfer/tar.h"

namespace heim {
namespace {

constexpr size_t kReadAheadBytes = 1u << 20;
constexpr size_t kPieceBytes = 256u << 10;

PictureOrder EmojiOrder() {
  PictureOrder order;
  order.max_bytes = kEmojiImageMaxBytes;
  order.max_pixels = kImageMaxPixels;
  order.sides = {kEmojiPixels};
  order.shape = PictureOrder::Shape::kWhole;
  order.quality = WebpQuality::kExact;
  return order;
}

PictureOrder AvatarOrder() {
  PictureOrder order;
  order.max_bytes = kImageMaxBytes;
  order.max_pixels = kImageMaxPixels;
  order.sides = {kAvatarPixels, kSmallAvatarPixels};
  return order;
}

bool IsWebp(std::string_view bytes) {
  return bytes.size() > 12 && StartsWith(bytes, "RIFF") && bytes.substr(8, 4) == "WEBP";
}

absl::StatusOr<StoredPicture> StoreWhole(const PictureTools& tools, std::string_view bytes) {
  StoredPicture stored;
  stored.blob_key = tools.ids.NewId();
  stored.size_bytes = static_cast<int64_t>(bytes.size());
  stored.sha256 = HexEncode(Sha256(bytes));
  HEIM_ASSIGN_OR_RETURN(const std::unique_ptr<BlobWriter> writer, tools.blobs.Create());
  HEIM_RETURN_IF_ERROR(writer->Append(bytes));
  HEIM_RETURN_IF_ERROR(writer->Commit(stored.blob_key));
  return stored;
}

}  // namespace

absl::StatusOr<std::string> BlobSource::Read(uint64_t offset, size_t n) {
  if (n >= kReadAheadBytes) return reader_->Read(offset, n);
  const uint64_t end = std::min<uint64_t>(offset + n, size());
  if (offset >= end) return std::string();
  if (offset < ahead_from_ || end > ahead_from_ + ahead_.size()) {
    HEIM_ASSIGN_OR_RETURN(ahead_, reader_->Read(offset, kReadAheadBytes));
    ahead_from_ = offset;
  }
  return ahead_.substr(static_cast<size_t>(offset - ahead_from_),
                       static_cast<size_t>(end - offset));
}

absl::Status ImportBytes::Take(PreparedRecord* prepared) {
  const v1::ExportRecord& record = prepared->record;
  if (record.has_file()) return TakeFile(prepared);
  if (record.has_emoji() && !record.emoji().picture_path().empty()) {
    return TakePicture(record.emoji().picture_path(), EmojiOrder(), true, prepared);
  }
  if (record.has_actor() && !record.actor().picture_path().empty()) {
    return TakePicture(record.actor().picture_path(), AvatarOrder(), true, prepared);
  }
  return absl::OkStatus();
}

absl::Status ImportBytes::TakeFile(PreparedRecord* prepared) {
  const v1::ExportFile& given = prepared->record.file();
  auto opened = source_.OpenFile(given.path());
  if (ReasonOf(opened.status()) == v1::ERROR_REASON_INVALID_ARCHIVE) {
    prepared->problem = "the bytes of the file are not in the archive: it was left out";
    return absl::OkStatus();
  }
  if (!opened.ok()) return opened.status();
  std::unique_ptr<BlobWriter> writer;
  if (use_ == BytesUse::kKeep) {
    auto created = tools_.blobs.Create();
    if (!created.ok()) return StorageFault(created.status());
    writer = *std::move(created);
  }
  Sha256Hasher hasher;
  FileProbe probe;
  int64_t size = 0;
  while (true) {
    if (stopping_) return absl::CancelledError("the server stops");
    HEIM_ASSIGN_OR_RETURN(const std::string piece, (*opened)->Next(kPieceBytes));
    if (piece.empty()) break;
    size += static_cast<int64_t>(piece.size());
    hasher.Add(piece);
    probe.Add(piece);
    if (writer != nullptr) HEIM_RETURN_IF_ERROR(StorageFault(writer->Append(piece)));
  }
  FileRow row;
  row.file.set_id(prepared->new_id);
  row.file.set_filename(CleanFilename(given.file().filename()));
  row.file.set_mime_type(probe.mime_type());
  row.file.set_size_bytes(size);
  row.file.set_sha256(HexEncode(hasher.Finish()));
  if (const auto image = probe.image_size(); image.has_value()) {
    row.file.set_width(image->width);
    row.file.set_height(image->height);
  }
  const bool right =
      (given.file().sha256().empty() || given.file().sha256() == row.file.sha256()) &&
      (given.file().size_bytes() == 0 || given.file().size_bytes() == size);
  if (!right) {
    return BadArchive(prepared->place, "the bytes of the file are not those that it was");
  }
  if (writer != nullptr) {
    row.blob_key = HexEncode(Sha256(StrCat(key_base_, "/", given.file().id())));
    HEIM_RETURN_IF_ERROR(StorageFault(writer->Commit(row.blob_key)));
  }
  row.hidden = given.hidden();
  row.wants_preview = !row.hidden && MayHavePreview(row.file);
  prepared->file = std::move(row);
  return absl::OkStatus();
}

absl::StatusOr<std::string> ImportBytes::ReadAll(std::string_view path, size_t max_bytes) {
  HEIM_ASSIGN_OR_RETURN(const std::unique_ptr<FileStream> opened, source_.OpenFile(path));
  std::string bytes;
  while (true) {
    HEIM_ASSIGN_OR_RETURN(const std::string piece, opened->Next(kPieceBytes));
    if (piece.empty()) return bytes;
    if (bytes.size() + piece.size() > max_bytes) return std::string();
    bytes += piece;
  }
}

// A picture that one of our own servers made is kept as it is: it is decoded whole, and not larger
// than what would be made of it. Everything else is made anew.
absl::Status ImportBytes::TakePicture(std::string_view path, const PictureOrder& order,
                                      bool keeps_whole, PreparedRecord* prepared) {
  const absl::StatusOr<std::string> bytes = ReadAll(path, order.max_bytes);
  if (ReasonOf(bytes.status()) == v1::ERROR_REASON_INVALID_ARCHIVE ||
      (bytes.ok() && bytes->empty())) {
    prepared->problem = "its picture is not in the archive, or too large";
    return absl::OkStatus();
  }
  if (!bytes.ok()) return bytes.status();
  if (use_ == BytesUse::kLook) {
    prepared->pictures.resize(order.sides.size());
    return absl::OkStatus();
  }
  PictureOrder own = order;
  own.max_pixels = uint64_t{order.sides[0]} * order.sides[0];
  const bool small = keeps_whole && IsWebp(*bytes) && tools_.mill.Make(*bytes, own).ok();
  auto made = StorePictures(tools_, *bytes, order);
  if (ReasonOf(made.status()) == v1::ERROR_REASON_INVALID_IMAGE) {
    prepared->problem = "its picture cannot be read";
    return absl::OkStatus();
  }
  if (!made.ok()) return made.status();
  prepared->pictures = *std::move(made);
  if (!small) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(StoredPicture whole, StoreWhole(tools_, *bytes));
  DropPictures(tools_, {std::exchange(prepared->pictures[0], std::move(whole)).blob_key});
  return absl::OkStatus();
}

}  // namespace heim
