// One reader for each format, for decode.cc: bytes were checked to begin as the format does, and
// have at most limits.max_bytes. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/image/decode.h"
#include "server/image/pixels.h"

namespace heim {

absl::StatusOr<Pixels> DecodePng(std::string_view file, const DecodeLimits& limits);
absl::StatusOr<Pixels> DecodeJpeg(std::string_view file, const DecodeLimits& limits);
absl::StatusOr<Pixels> DecodeWebp(std::string_view file, const DecodeLimits& limits);

// INVALID_ARGUMENT for more pixels than there may be, or none.
absl::Status CheckPixels(uint64_t width, uint64_t height, const DecodeLimits& limits);
absl::Status DamagedImage();

// 1 to 8 as Exif counts them; 1 for what says nothing. `data` is what follows a JPEG's APP1 marker.
int ExifOrientation(std::string_view data);
// As it is to be seen.
Pixels Turned(Pixels pixels, int orientation);

}  // namespace heim
