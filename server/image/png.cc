// PNG by libpng. What it gets is a file of our own: the chunks that make the picture and nothing
// else, so that no text or profile in the original is ever unpacked.
#include <png.h>

#include <cstring>
#include <string>

#include "server/base/status_macros.h"
#include "server/image/formats.h"

namespace heim {
namespace {

constexpr size_t kSignature = 8;
constexpr size_t kAround = 12;  // length, name, checksum

uint32_t BigEndian(std::string_view bytes) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

bool IsPicture(std::string_view name) {
  return name == "IHDR" || name == "PLTE" || name == "tRNS" || name == "IDAT" || name == "IEND";
}

// The signature and the chunks of the picture, up to its end.
absl::StatusOr<std::string> Essence(std::string_view file) {
  std::string kept(file.substr(0, kSignature));
  kept.reserve(file.size());
  file.remove_prefix(kSignature);
  while (file.size() >= kAround) {
    const uint64_t size = uint64_t{BigEndian(file)} + kAround;
    if (size > file.size()) return DamagedImage();
    const std::string_view name = file.substr(4, 4);
    if (IsPicture(name)) kept.append(file.substr(0, size));
    if (name == "IEND") return kept;
    file.remove_prefix(size);
  }
  return DamagedImage();
}

// libpng's picture of a file; frees what it holds.
struct PngFile {
  png_image image;

  PngFile() {
    std::memset(&image, 0, sizeof(image));
    image.version = PNG_IMAGE_VERSION;
  }
  ~PngFile() { png_image_free(&image); }
  PngFile(const PngFile&) = delete;
  PngFile& operator=(const PngFile&) = delete;
};

}  // namespace

absl::StatusOr<Pixels> DecodePng(std::string_view file, const DecodeLimits& limits) {
  // The first chunk says the size.
  if (file.size() < kSignature + kAround + 8 || file.substr(kSignature + 4, 4) != "IHDR") {
    return DamagedImage();
  }
  HEIM_RETURN_IF_ERROR(CheckPixels(BigEndian(file.substr(kSignature + 8)),
                                   BigEndian(file.substr(kSignature + 12)), limits));
  HEIM_ASSIGN_OR_RETURN(const std::string essence, Essence(file));
  PngFile png;
  if (png_image_begin_read_from_memory(&png.image, essence.data(), essence.size()) == 0) {
    return DamagedImage();
  }
  HEIM_RETURN_IF_ERROR(CheckPixels(png.image.width, png.image.height, limits));
  png.image.format = PNG_FORMAT_RGBA;
  Pixels pixels(png.image.width, png.image.height);
  if (png_image_finish_read(&png.image, nullptr, pixels.rgba.data(), 0, nullptr) == 0) {
    return DamagedImage();
  }
  return pixels;
}

}  // namespace heim
