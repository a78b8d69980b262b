// A picture in memory. A value; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace heim {

// Rows from the top, four bytes a pixel: red, green, blue, alpha (not multiplied in).
struct Pixels {
  uint32_t width = 0;
  uint32_t height = 0;
  std::vector<uint8_t> rgba;

  Pixels() = default;
  Pixels(uint32_t w, uint32_t h) : width(w), height(h), rgba(size_t{w} * h * 4) {}
  size_t stride() const { return size_t{width} * 4; }
  const uint8_t* row(uint32_t y) const { return rgba.data() + y * stride(); }
  uint8_t* row(uint32_t y) { return rgba.data() + y * stride(); }
};

}  // namespace heim
