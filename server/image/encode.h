// Writing pictures: the pixels and nothing else, so that no data of the original lives on. Pure
// functions; any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "server/image/pixels.h"

namespace heim {

enum class WebpQuality {
  kPhoto,  // small; for faces
  kExact,  // every pixel as it is; for drawings
};

// INTERNAL when there is not enough memory.
absl::StatusOr<std::string> EncodeWebp(const Pixels& pixels, WebpQuality quality);

}  // namespace heim
