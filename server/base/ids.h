// Ids makes the ids of everything that is stored: UUIDv7 (RFC 9562) in lower-case text, so that
// ids sort by creation time and primary keys are appended. Owned by the wiring, outlives all
// users. Thread-safe. Never blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"

namespace heim {

class Ids {
 public:
  virtual ~Ids() = default;
  virtual std::string NewId() = 0;
};

// Strictly increasing within one object, also when the clock stands still or steps back: then the
// 12 bits beside the timestamp count on, and carry into the timestamp when they are used up.
class UuidV7Ids final : public Ids {
 public:
  UuidV7Ids(Clock& clock, Entropy& entropy);
  std::string NewId() override;

 private:
  Clock& clock_;
  Entropy& entropy_;
  absl::Mutex mutex_;
  uint64_t last_ms_ ABSL_GUARDED_BY(mutex_) = 0;
  uint32_t counter_ ABSL_GUARDED_BY(mutex_) = 0;
};

// True for the canonical form only: 36 characters, lower case, hyphens in place; any version.
bool IsUuid(std::string_view text);

}  // namespace heim
