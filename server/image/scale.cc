#include "server/image/scale.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace heim {
namespace {

constexpr int kChannels = 4;

// One pixel of the source that is part of a new one, and how much of it.
struct Share {
  uint32_t source;
  float weight;
};

// For each new pixel of a line, the source pixels that it covers. Weights add up to 1.
std::vector<std::vector<Share>> Cover(uint32_t from, uint32_t to) {
  std::vector<std::vector<Share>> all(to);
  const double step = static_cast<double>(from) / to;
  for (uint32_t i = 0; i < to; ++i) {
    const double begin = i * step;
    const double end = std::min<double>(from, begin + step);
    for (auto s = static_cast<uint32_t>(begin); s < end && s < from; ++s) {
      const double part = std::min<double>(end, s + 1.0) - std::max<double>(begin, s);
      if (part > 0) all[i].push_back({s, static_cast<float>(part / step)});
    }
  }
  return all;
}

// A line of the source at its new width, colours multiplied by alpha.
void ReduceLine(const uint8_t* line, const std::vector<std::vector<Share>>& columns,
                std::vector<float>* out) {
  for (size_t x = 0; x < columns.size(); ++x) {
    float sum[kChannels] = {};
    for (const Share& share : columns[x]) {
      const uint8_t* p = line + size_t{share.source} * kChannels;
      const float alpha = share.weight * static_cast<float>(p[3]) / 255.0f;
      for (int c = 0; c < 3; ++c) sum[c] += alpha * static_cast<float>(p[c]);
      sum[3] += share.weight * static_cast<float>(p[3]);
    }
    std::copy(std::begin(sum), std::end(sum), out->begin() + static_cast<long>(x * kChannels));
  }
}

uint8_t ToByte(float value) {
  return static_cast<uint8_t>(std::clamp(std::lround(value), 0l, 255l));
}

void WriteLine(const std::vector<float>& line, uint8_t* out) {
  for (size_t i = 0; i < line.size(); i += kChannels) {
    const float alpha = line[i + 3] / 255.0f;
    for (size_t c = 0; c < 3; ++c) out[i + c] = alpha > 0 ? ToByte(line[i + c] / alpha) : 0;
    out[i + 3] = ToByte(line[i + 3]);
  }
}

uint32_t Shortened(uint32_t length, uint32_t longer, uint32_t side) {
  return std::max<uint32_t>(1, static_cast<uint32_t>(uint64_t{length} * side / longer));
}

Pixels Cut(const Pixels& pixels, const Region& region) {
  Pixels out(region.width, region.height);
  for (uint32_t y = 0; y < region.height; ++y) {
    const uint8_t* line = pixels.row(region.y + y) + size_t{region.x} * kChannels;
    std::copy(line, line + out.stride(), out.row(y));
  }
  return out;
}

}  // namespace

Region MiddleSquare(const Pixels& pixels) {
  const uint32_t side = std::min(pixels.width, pixels.height);
  return {(pixels.width - side) / 2, (pixels.height - side) / 2, side, side};
}

Region Whole(const Pixels& pixels) { return {0, 0, pixels.width, pixels.height}; }

Pixels Reduced(const Pixels& pixels, const Region& region, uint32_t side) {
  const uint32_t longer = std::max(region.width, region.height);
  if (longer <= side) return Cut(pixels, region);
  Pixels out(Shortened(region.width, longer, side), Shortened(region.height, longer, side));
  const auto columns = Cover(region.width, out.width);
  const auto rows = Cover(region.height, out.height);
  std::vector<float> line(size_t{out.width} * kChannels);
  std::vector<float> sum(line.size());
  for (uint32_t y = 0; y < out.height; ++y) {
    std::fill(sum.begin(), sum.end(), 0.0f);
    for (const Share& share : rows[y]) {
      const uint8_t* source = pixels.row(region.y + share.source) + size_t{region.x} * kChannels;
      ReduceLine(source, columns, &line);
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += share.weight * line[i];
    }
    WriteLine(sum, out.row(y));
  }
  return out;
}

}  // namespace heim
