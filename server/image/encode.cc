#include "server/image/encode.h"

#include <webp/encode.h>

namespace heim {
namespace {

constexpr float kPhotoQuality = 85;

}  // namespace

absl::StatusOr<std::string> EncodeWebp(const Pixels& pixels, WebpQuality quality) {
  uint8_t* bytes = nullptr;
  const auto width = static_cast<int>(pixels.width);
  const auto height = static_cast<int>(pixels.height);
  const auto stride = static_cast<int>(pixels.stride());
  const size_t size =
      quality == WebpQuality::kExact
          ? WebPEncodeLosslessRGBA(pixels.rgba.data(), width, height, stride, &bytes)
          : WebPEncodeRGBA(pixels.rgba.data(), width, height, stride, kPhotoQuality, &bytes);
  std::string file(reinterpret_cast<const char*>(bytes), size);
  WebPFree(bytes);
  if (size == 0) return absl::InternalError("a picture could not be encoded");
  return file;
}

}  // namespace heim
