#include "server/image/decode.h"

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/image/formats.h"

namespace heim {

absl::Status DamagedImage() {
  return absl::InvalidArgumentError("the picture is damaged or incomplete");
}

absl::Status CheckPixels(uint64_t width, uint64_t height, const DecodeLimits& limits) {
  if (width == 0 || height == 0) return DamagedImage();
  if (width > limits.max_pixels / height) {
    return absl::InvalidArgumentError(StrCat("the picture has ", width, " x ", height,
                                             " pixels; at most ", limits.max_pixels / 1'000'000,
                                             " million are allowed"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Pixels> DecodeImage(std::string_view file, const DecodeLimits& limits) {
  if (file.size() > limits.max_bytes) {
    return absl::InvalidArgumentError(
        StrCat("the file has more than ", limits.max_bytes / 1024, " KiB"));
  }
  if (StartsWith(file, "\x89PNG\r\n\x1A\n")) return DecodePng(file, limits);
  if (StartsWith(file, "\xFF\xD8\xFF")) return DecodeJpeg(file, limits);
  if (StartsWith(file, "RIFF") && file.size() >= 12 && file.substr(8, 4) == "WEBP") {
    return DecodeWebp(file, limits);
  }
  return absl::InvalidArgumentError("the file is no png, jpeg or webp picture");
}

}  // namespace heim
