#include "server/base/ids.h"

#include <algorithm>

#include "absl/time/time.h"

namespace heim {
namespace {

constexpr uint32_t kCounterMax = 0xFFF;
// A new millisecond starts in the lower half, so that at least 2048 ids fit into it.
constexpr uint32_t kCounterStartMask = 0x7FF;
constexpr uint64_t kMsMask = (uint64_t{1} << 48) - 1;
constexpr size_t kUuidLength = 36;

bool IsHyphenPosition(size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

std::string Format(const uint8_t (&bytes)[16]) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string text;
  text.reserve(kUuidLength);
  for (const uint8_t byte : bytes) {
    if (IsHyphenPosition(text.size())) text.push_back('-');
    text.push_back(kHex[byte >> 4]);
    text.push_back(kHex[byte & 0xF]);
  }
  return text;
}

}  // namespace

UuidV7Ids::UuidV7Ids(Clock& clock, Entropy& entropy) : clock_(clock), entropy_(entropy) {}

std::string UuidV7Ids::NewId() {
  const int64_t now_ms = std::max<int64_t>(0, absl::ToUnixMillis(clock_.Now()));
  uint8_t random[10];
  entropy_.Fill(absl::MakeSpan(random));

  uint64_t ms;
  uint32_t counter;
  {
    absl::MutexLock lock(&mutex_);
    if (static_cast<uint64_t>(now_ms) > last_ms_) {
      last_ms_ = static_cast<uint64_t>(now_ms);
      counter_ = (uint32_t{random[0]} << 8 | random[1]) & kCounterStartMask;
    } else if (counter_ < kCounterMax) {
      ++counter_;
    } else {
      ++last_ms_;
      counter_ = 0;
    }
    ms = last_ms_ & kMsMask;
    counter = counter_;
  }

  uint8_t bytes[16];
  for (int i = 0; i < 6; ++i) bytes[i] = static_cast<uint8_t>(ms >> (40 - 8 * i));
  bytes[6] = static_cast<uint8_t>(0x70 | counter >> 8);
  bytes[7] = static_cast<uint8_t>(counter);
  std::copy(random + 2, random + 10, bytes + 8);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3F) | 0x80);
  return Format(bytes);
}

bool IsUuid(std::string_view text) {
  if (text.size() != kUuidLength) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool ok =
        IsHyphenPosition(i) ? c == '-' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (!ok) return false;
  }
  return true;
}

}  // namespace heim
