#include "server/service/file_type.h"

#include <algorithm>
#include <array>

#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/people_limits.h"

namespace heim {
namespace {

using std::string_view_literals::operator""sv;

// Enough for the table, and for a JPEG whose camera wrote a thumbnail before the size.
constexpr size_t kHeadBytes = 64u << 10;

struct Magic {
  std::string_view bytes;
  size_t at;
  std::string_view and_bytes;  // a second mark, for containers
  size_t and_at;
  std::string_view mime_type;
};

constexpr std::array kMagic = {
    Magic{"\x89PNG\r\n\x1a\n"sv, 0, ""sv, 0, "image/png"sv},
    Magic{"\xff\xd8\xff"sv, 0, ""sv, 0, "image/jpeg"sv},
    Magic{"GIF87a"sv, 0, ""sv, 0, "image/gif"sv},
    Magic{"GIF89a"sv, 0, ""sv, 0, "image/gif"sv},
    Magic{"RIFF"sv, 0, "WEBP"sv, 8, "image/webp"sv},
    Magic{"RIFF"sv, 0, "WAVE"sv, 8, "audio/wav"sv},
    Magic{"%PDF-"sv, 0, ""sv, 0, "application/pdf"sv},
    Magic{"PK\x03\x04"sv, 0, ""sv, 0, "application/zip"sv},
    Magic{"PK\x05\x06"sv, 0, ""sv, 0, "application/zip"sv},
    Magic{"\x1f\x8b\x08"sv, 0, ""sv, 0, "application/gzip"sv},
    Magic{"ftyp"sv, 4, "iso"sv, 8, "video/mp4"sv},
    Magic{"ftyp"sv, 4, "mp4"sv, 8, "video/mp4"sv},
    Magic{"ftyp"sv, 4, "avc1"sv, 8, "video/mp4"sv},
    Magic{"ftyp"sv, 4, "M4V"sv, 8, "video/mp4"sv},
    Magic{"ftyp"sv, 4, "dash"sv, 8, "video/mp4"sv},
    Magic{"ftyp"sv, 4, "M4A"sv, 8, "audio/mp4"sv},
    Magic{"ID3"sv, 0, ""sv, 0, "audio/mpeg"sv},
    Magic{"\xff\xfb"sv, 0, ""sv, 0, "audio/mpeg"sv},
    Magic{"\xff\xf3"sv, 0, ""sv, 0, "audio/mpeg"sv},
    Magic{"\xff\xf2"sv, 0, ""sv, 0, "audio/mpeg"sv},
};

constexpr std::string_view kMatroska = "\x1a\x45\xdf\xa3"sv;
constexpr size_t kDocTypeWithin = 64;

bool HasAt(std::string_view text, size_t at, std::string_view bytes) {
  return text.size() >= at + bytes.size() && text.substr(at, bytes.size()) == bytes;
}

uint32_t Byte(std::string_view text, size_t at) { return static_cast<unsigned char>(text[at]); }

uint32_t Big16(std::string_view text, size_t at) {
  return Byte(text, at) << 8 | Byte(text, at + 1);
}
uint32_t Big32(std::string_view text, size_t at) {
  return Big16(text, at) << 16 | Big16(text, at + 2);
}
uint32_t Little16(std::string_view text, size_t at) {
  return Byte(text, at + 1) << 8 | Byte(text, at);
}

// Start-of-frame markers hold the size; C4, C8 and CC among them mean something else.
bool IsStartOfFrame(uint32_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

std::optional<ImageSize> JpegSize(std::string_view head) {
  size_t at = 2;
  while (at + 9 <= head.size()) {
    if (Byte(head, at) != 0xFF) return std::nullopt;
    const uint32_t marker = Byte(head, at + 1);
    if (marker == 0xFF) {  // filler
      ++at;
      continue;
    }
    if (IsStartOfFrame(marker)) return ImageSize{Big16(head, at + 7), Big16(head, at + 5)};
    const uint32_t length = Big16(head, at + 2);
    if (length < 2 || marker == 0xDA) return std::nullopt;
    at += 2 + length;
  }
  return std::nullopt;
}

std::optional<ImageSize> RawSize(std::string_view mime_type, std::string_view head) {
  if (mime_type == "image/png" && HasAt(head, 12, "IHDR") && head.size() >= 24) {
    return ImageSize{Big32(head, 16), Big32(head, 20)};
  }
  if (mime_type == "image/gif" && head.size() >= 10) {
    return ImageSize{Little16(head, 6), Little16(head, 8)};
  }
  if (mime_type == "image/jpeg") return JpegSize(head);
  return std::nullopt;
}

// Bytes at the end that begin a code point and do not finish it: 0 to 3.
size_t BrokenOff(std::string_view text) {
  for (size_t back = 1; back <= std::min<size_t>(3, text.size()); ++back) {
    const uint32_t byte = Byte(text, text.size() - back);
    if ((byte & 0xC0) == 0x80) continue;
    const size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

}  // namespace

std::string_view TypeByFirstBytes(std::string_view head) {
  for (const Magic& magic : kMagic) {
    if (HasAt(head, magic.at, magic.bytes) && HasAt(head, magic.and_at, magic.and_bytes)) {
      return magic.mime_type;
    }
  }
  const bool webm = StartsWith(head, kMatroska) &&
                    head.substr(0, kDocTypeWithin).find("webm") != std::string_view::npos;
  return webm ? "video/webm"sv : ""sv;
}

std::optional<ImageSize> ImageSizeOf(std::string_view mime_type, std::string_view head) {
  const std::optional<ImageSize> size = RawSize(mime_type, head);
  if (!size.has_value() || size->width == 0 || size->height == 0) return std::nullopt;
  return size;
}

bool MayHavePreview(const v1::File& file) {
  const std::string_view type = file.mime_type();
  const bool readable = type == "image/png" || type == "image/jpeg" || type == "image/webp";
  return readable && file.size_bytes() > 0 &&
         static_cast<uint64_t>(file.size_bytes()) <= kPreviewSourceMaxBytes &&
         uint64_t{file.width()} * file.height() <= kPreviewSourceMaxPixels;
}

void FileProbe::Add(std::string_view bytes) {
  if (head_.size() < kHeadBytes) head_ += bytes.substr(0, kHeadBytes - head_.size());
  if (!text_) return;
  std::string text = cut_;
  text += bytes;
  const std::string_view whole = std::string_view(text).substr(0, text.size() - BrokenOff(text));
  text_ = IsValidUtf8(whole) && whole.find('\0') == std::string_view::npos;
  cut_ = text.substr(whole.size());
}

std::string FileProbe::mime_type() const {
  const std::string_view by_bytes = TypeByFirstBytes(head_);
  if (!by_bytes.empty()) return std::string(by_bytes);
  return text_ && cut_.empty() ? "text/plain" : "application/octet-stream";
}

std::optional<ImageSize> FileProbe::image_size() const {
  return ImageSizeOf(TypeByFirstBytes(head_), head_);
}

}  // namespace heim
