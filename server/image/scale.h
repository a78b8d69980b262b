// Making pictures smaller: each new pixel is the mean of the area that it covers, transparent parts
// counting as little as they show. Pure functions; any thread.
#pragma once

#include <cstdint>

#include "server/image/pixels.h"

namespace heim {

struct Region {
  uint32_t x = 0;
  uint32_t y = 0;
  uint32_t width = 0;
  uint32_t height = 0;
};

// The largest square in the middle.
Region MiddleSquare(const Pixels& pixels);
// All of it.
Region Whole(const Pixels& pixels);

// The region, with its longer side `side` pixels long; as it is when it is no longer than that.
Pixels Reduced(const Pixels& pixels, const Region& region, uint32_t side);

}  // namespace heim
