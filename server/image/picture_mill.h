// PictureMill makes the pictures that are kept from a file that a client sent. Owned by app.
// Thread-safe. Blocks for as long as the work takes, one file at a time, so that the memory of one
// large picture is all that can be asked for: on an Executor for files only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/image/decode.h"
#include "server/image/encode.h"

namespace heim {

struct PictureOrder {
  size_t max_bytes = 0;
  uint64_t max_pixels = 0;
  std::vector<uint32_t> sides;  // one picture for each; smaller where the file's is
  enum class Shape { kSquare, kWhole } shape = Shape::kSquare;
  WebpQuality quality = WebpQuality::kPhoto;
};

struct Picture {
  std::string webp;
  uint32_t width = 0;
  uint32_t height = 0;
};

class PictureMill {
 public:
  // One picture for each side asked for, without the file's metadata. INVALID_ARGUMENT with a
  // reason for people; INTERNAL.
  absl::StatusOr<std::vector<Picture>> Make(std::string_view file, const PictureOrder& order);

 private:
  absl::Mutex one_at_a_time_;
};

}  // namespace heim
