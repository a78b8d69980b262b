#include "server/image/picture_mill.h"

#include <algorithm>
#include <utility>

#include "server/base/status_macros.h"
#include "server/image/scale.h"

namespace heim {

absl::StatusOr<std::vector<Picture>> PictureMill::Make(std::string_view file,
                                                       const PictureOrder& order) {
  DecodeLimits limits;
  limits.max_bytes = order.max_bytes;
  limits.max_pixels = order.max_pixels;
  // Twice as much as is kept leaves our own filter something to do.
  limits.enough = 2 * *std::max_element(order.sides.begin(), order.sides.end());
  absl::MutexLock lock(&one_at_a_time_);
  HEIM_ASSIGN_OR_RETURN(const Pixels pixels, DecodeImage(file, limits));
  const Region region =
      order.shape == PictureOrder::Shape::kSquare ? MiddleSquare(pixels) : Whole(pixels);
  std::vector<Picture> pictures;
  for (const uint32_t side : order.sides) {
    const Pixels reduced = Reduced(pixels, region, side);
    Picture picture;
    picture.width = reduced.width;
    picture.height = reduced.height;
    HEIM_ASSIGN_OR_RETURN(picture.webp, EncodeWebp(reduced, order.quality));
    pictures.push_back(std::move(picture));
  }
  return pictures;
}

}  // namespace heim
