// How a camera was held: the one thing of Exif data that a picture needs when they are dropped.
#include <utility>

#include "server/base/strings.h"
#include "server/image/formats.h"

namespace heim {
namespace {

constexpr std::string_view kExif("Exif\0\0", 6);
constexpr uint32_t kOrientationTag = 0x0112;
constexpr uint32_t kShort = 3;
constexpr size_t kEntryBytes = 12;

// Numbers of a TIFF file in its byte order; 0 behind its end.
class Tiff {
 public:
  Tiff(std::string_view bytes, bool big_endian) : bytes_(bytes), big_endian_(big_endian) {}

  uint32_t Read(size_t offset, size_t size) const {
    if (offset > bytes_.size() || bytes_.size() - offset < size) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) {
      const size_t at = big_endian_ ? offset + i : offset + size - 1 - i;
      value = value << 8 | static_cast<uint8_t>(bytes_[at]);
    }
    return value;
  }

 private:
  const std::string_view bytes_;
  const bool big_endian_;
};

// Where the pixel at (x, y) of the turned picture comes from.
std::pair<uint32_t, uint32_t> Source(const Pixels& from, int orientation, uint32_t x, uint32_t y) {
  const uint32_t right = from.width - 1;
  const uint32_t bottom = from.height - 1;
  switch (orientation) {
    case 2:
      return {right - x, y};
    case 3:
      return {right - x, bottom - y};
    case 4:
      return {x, bottom - y};
    case 5:
      return {y, x};
    case 6:
      return {y, bottom - x};
    case 7:
      return {right - y, bottom - x};
    case 8:
      return {right - y, x};
    default:
      return {x, y};
  }
}

}  // namespace

int ExifOrientation(std::string_view data) {
  if (!StartsWith(data, kExif)) return 1;
  data.remove_prefix(kExif.size());
  const bool big_endian = StartsWith(data, "MM");
  if (!big_endian && !StartsWith(data, "II")) return 1;
  const Tiff tiff(data, big_endian);
  const size_t directory = tiff.Read(4, 4);
  const uint32_t entries = tiff.Read(directory, 2);
  for (uint32_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + i * kEntryBytes;
    if (tiff.Read(entry, 2) != kOrientationTag || tiff.Read(entry + 2, 2) != kShort) continue;
    const uint32_t value = tiff.Read(entry + 8, 2);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Pixels Turned(Pixels pixels, int orientation) {
  if (orientation <= 1 || orientation > 8) return pixels;
  const bool sideways = orientation >= 5;
  Pixels turned(sideways ? pixels.height : pixels.width, sideways ? pixels.width : pixels.height);
  for (uint32_t y = 0; y < turned.height; ++y) {
    for (uint32_t x = 0; x < turned.width; ++x) {
      const auto [from_x, from_y] = Source(pixels, orientation, x, y);
      const uint8_t* from = pixels.row(from_y) + size_t{from_x} * 4;
      uint8_t* to = turned.row(y) + size_t{x} * 4;
      for (int c = 0; c < 4; ++c) to[c] = from[c];
    }
  }
  return turned;
}

}  // namespace heim
