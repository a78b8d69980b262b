// RateLimiter holds token buckets by name; call_limits.h says whose there are. Owned by CallLimits.
// Thread-safe, never blocks. The table is bounded: when it is full, the fullest buckets are
// forgotten first, which favours their callers by a few calls.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/model/limits.h"

namespace heim {

struct RateLimiterOptions {
  bool enabled = true;  // HEIM_RATE_LIMITS
  size_t buckets_max = 100'000;
};

class RateLimiter {
 public:
  struct Verdict {
    bool allowed = true;
    bool limited = false;  // the rest is set: limits are on
    uint32_t limit = 0;    // burst
    uint32_t remaining = 0;
    absl::Duration reset;        // until the bucket is full
    absl::Duration retry_after;  // until a call is allowed, when it was not
  };

  RateLimiter(RateLimiterOptions options, Clock& clock);

  // Takes one token of the bucket, which the rule makes when it is not there.
  Verdict Take(const BucketRule& rule, std::string_view name);
  // Gives a token back that was just taken by this rule.
  void GiveBack(const BucketRule& rule, std::string_view name);

  // Buckets that are not full.
  size_t size() const;

 private:
  // A bucket is the moment when it will be full again (monotonic): one number instead of tokens
  // and the time when they were counted.
  struct Shard {
    mutable absl::Mutex mutex;
    absl::flat_hash_map<std::string, absl::Duration> full_at ABSL_GUARDED_BY(mutex);
  };
  static constexpr size_t kShards = 16;

  Shard& ShardOf(std::string_view name) {
    return shards_[std::hash<std::string_view>()(name) % kShards];
  }

  void MakeRoom(Shard& shard, absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);

  const RateLimiterOptions options_;
  const size_t shard_max_;
  Clock& clock_;
  std::array<Shard, kShards> shards_;
};

}  // namespace heim
