#include "server/base/entropy.h"

#include <sys/random.h>

#include <cerrno>
#include <limits>
#include <string_view>

#include "server/base/check.h"

namespace heim {
namespace {

constexpr std::string_view kBase62 =
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// The largest multiple of 62 in a byte: bytes from here on would favour the first letters.
constexpr uint8_t kBase62Limit = 248;

}  // namespace

void SystemEntropy::Fill(absl::Span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t got = getrandom(out.data(), out.size(), 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      HEIM_FATAL("getrandom failed");
    }
    out.remove_prefix(static_cast<size_t>(got));
  }
}

SeededEntropy::SeededEntropy(uint64_t seed) : state_(seed) {}

void SeededEntropy::Fill(absl::Span<uint8_t> out) {
  absl::MutexLock lock(&mutex_);
  uint64_t word = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    if (i % sizeof(word) == 0) {
      // SplitMix64: one addition and a finalizer, the same on every machine.
      state_ += 0x9E3779B97F4A7C15ull;
      word = state_;
      word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9ull;
      word = (word ^ (word >> 27)) * 0x94D049BB133111EBull;
      word ^= word >> 31;
    }
    out[i] = static_cast<uint8_t>(word);
    word >>= 8;
  }
}

std::string RandomBase62(Entropy& entropy, size_t length) {
  std::string text;
  text.reserve(length);
  uint8_t bytes[64];
  while (text.size() < length) {
    entropy.Fill(absl::MakeSpan(bytes));
    for (const uint8_t byte : bytes) {
      if (text.size() == length) break;
      if (byte < kBase62Limit) text.push_back(kBase62[byte % kBase62.size()]);
    }
  }
  return text;
}

std::string RandomBytes(Entropy& entropy, size_t length) {
  std::string bytes(length, '\0');
  entropy.Fill(absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()));
  return bytes;
}

uint64_t RandomBelow(Entropy& entropy, uint64_t bound) {
  HEIM_CHECK(bound > 0);
  // Values from the last, incomplete run of `bound` would favour small numbers: draw again.
  const uint64_t limit = std::numeric_limits<uint64_t>::max() -
                         (std::numeric_limits<uint64_t>::max() % bound + 1) % bound;
  while (true) {
    uint8_t bytes[sizeof(uint64_t)];
    entropy.Fill(absl::MakeSpan(bytes));
    uint64_t value = 0;
    for (const uint8_t byte : bytes) value = value << 8 | byte;
    if (value <= limit) return value % bound;
  }
}

}  // namespace heim
