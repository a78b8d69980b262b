// WebP by libwebp.
#include <webp/decode.h>

#include <algorithm>

#include "server/base/status_macros.h"
#include "server/image/formats.h"

namespace heim {
namespace {

// The size that is enough, in the same proportions.
void Reduce(uint32_t enough, uint64_t* width, uint64_t* height) {
  const uint64_t shorter = std::min(*width, *height);
  if (enough == 0 || shorter <= enough) return;
  *width = *width * enough / shorter;
  *height = *height * enough / shorter;
}

}  // namespace

absl::StatusOr<Pixels> DecodeWebp(std::string_view file, const DecodeLimits& limits) {
  const auto* data = reinterpret_cast<const uint8_t*>(file.data());
  WebPDecoderConfig config;
  if (WebPInitDecoderConfig(&config) == 0) return DamagedImage();
  if (WebPGetFeatures(data, file.size(), &config.input) != VP8_STATUS_OK) return DamagedImage();
  if (config.input.has_animation != 0) {
    return absl::InvalidArgumentError("the picture moves; only still ones are taken");
  }
  auto width = static_cast<uint64_t>(config.input.width);
  auto height = static_cast<uint64_t>(config.input.height);
  HEIM_RETURN_IF_ERROR(CheckPixels(width, height, limits));
  Reduce(limits.enough, &width, &height);
  Pixels pixels(static_cast<uint32_t>(width), static_cast<uint32_t>(height));
  // Scaling rounds off what is transparent, also when nothing changes.
  config.options.use_scaling = width != static_cast<uint64_t>(config.input.width) ? 1 : 0;
  config.options.scaled_width = static_cast<int>(width);
  config.options.scaled_height = static_cast<int>(height);
  config.output.colorspace = MODE_RGBA;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = pixels.rgba.data();
  config.output.u.RGBA.stride = static_cast<int>(pixels.stride());
  config.output.u.RGBA.size = pixels.rgba.size();
  const VP8StatusCode status = WebPDecode(data, file.size(), &config);
  WebPFreeDecBuffer(&config.output);
  if (status != VP8_STATUS_OK) return DamagedImage();
  return pixels;
}

}  // namespace heim
