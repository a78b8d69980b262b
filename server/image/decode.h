// Reading picture files from strangers: what they are is decided by content, and their size is
// known and bounded before a pixel is decoded. Pure functions; any thread; as slow as the picture
// is large.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/image/pixels.h"

namespace heim {

struct DecodeLimits {
  size_t max_bytes = 10u << 20;
  uint64_t max_pixels = 50'000'000;  // of the file's picture, whatever is made of it
  // A larger picture may be decoded smaller, as long as both sides are at least this. 0: never.
  uint32_t enough = 0;
};

// A png, jpeg or webp, turned as its Exif data say. INVALID_ARGUMENT with a reason for people: not
// one of these, animated, too large, damaged or cut.
absl::StatusOr<Pixels> DecodeImage(std::string_view file, const DecodeLimits& limits);

}  // namespace heim
