// Entropy is the only source of randomness. Owned by the wiring (or the test), outlives all users.
// Thread-safe. Never blocks after start-up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"

namespace heim {

class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual void Fill(absl::Span<uint8_t> out) = 0;
};

// The kernel's generator; good for keys and tokens. Stops the process if the kernel refuses.
class SystemEntropy final : public Entropy {
 public:
  void Fill(absl::Span<uint8_t> out) override;
};

// The same bytes for the same seed, for tests and simulations. Predictable: never for a secret.
class SeededEntropy final : public Entropy {
 public:
  explicit SeededEntropy(uint64_t seed);
  void Fill(absl::Span<uint8_t> out) override;

 private:
  absl::Mutex mutex_;
  uint64_t state_ ABSL_GUARDED_BY(mutex_);
};

// `length` characters of 0-9A-Za-z, each equally likely: 5.95 bits a character.
std::string RandomBase62(Entropy& entropy, size_t length);

// `length` raw random bytes.
std::string RandomBytes(Entropy& entropy, size_t length);

// A number in [0, bound), each equally likely; `bound` > 0.
uint64_t RandomBelow(Entropy& entropy, uint64_t bound);

}  // namespace heim
