#include "server/rpc/rate_limiter.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/base/strings.h"

namespace heim {

RateLimiter::RateLimiter(RateLimiterOptions options, Clock& clock)
    : options_(options),
      shard_max_(std::max<size_t>(options.buckets_max / kShards, 8)),
      clock_(clock) {}

RateLimiter::Verdict RateLimiter::Take(const BucketRule& rule, std::string_view name) {
  Verdict verdict;
  if (!options_.enabled) return verdict;
  const absl::Duration per_token = absl::Seconds(1) / rule.refill_per_second;
  const absl::Duration depth = per_token * rule.burst;
  Shard& shard = ShardOf(name);
  const absl::Duration now = clock_.Monotonic();

  absl::MutexLock lock(&shard.mutex);
  auto found = shard.full_at.find(ToAbsl(name));
  const absl::Duration full_at = found == shard.full_at.end() ? now : std::max(found->second, now);
  verdict.limited = true;
  verdict.limit = static_cast<uint32_t>(rule.burst);
  const absl::Duration taken = full_at + per_token - now;
  if (taken > depth) {
    verdict.allowed = false;
    verdict.retry_after = taken - depth;
    verdict.reset = full_at - now;
    return verdict;
  }
  if (found == shard.full_at.end()) {
    if (shard.full_at.size() >= shard_max_) MakeRoom(shard, now);
    found = shard.full_at.emplace(name, now).first;
  }
  found->second = full_at + per_token;
  verdict.remaining = static_cast<uint32_t>((depth - taken) / per_token);
  verdict.reset = taken;
  return verdict;
}

void RateLimiter::GiveBack(const BucketRule& rule, std::string_view name) {
  if (!options_.enabled) return;
  Shard& shard = ShardOf(name);
  absl::MutexLock lock(&shard.mutex);
  const auto found = shard.full_at.find(ToAbsl(name));
  if (found != shard.full_at.end()) {
    found->second -= absl::Seconds(1) / rule.refill_per_second;
  }
}

void RateLimiter::MakeRoom(Shard& shard, absl::Duration now) {
  absl::erase_if(shard.full_at, [now](const auto& bucket) { return bucket.second <= now; });
  if (shard.full_at.size() < shard_max_ - shard_max_ / 8) return;
  std::vector<absl::Duration> times;
  times.reserve(shard.full_at.size());
  for (const auto& [name, full_at] : shard.full_at) times.push_back(full_at);
  const auto cut = times.begin() + static_cast<ptrdiff_t>(times.size() / 8);
  std::nth_element(times.begin(), cut, times.end());
  const absl::Duration least = *cut;
  absl::erase_if(shard.full_at, [least](const auto& bucket) { return bucket.second <= least; });
}

size_t RateLimiter::size() const {
  const absl::Duration now = clock_.Monotonic();
  size_t sum = 0;
  for (const Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    for (const auto& [name, full_at] : shard.full_at) sum += full_at > now ? 1 : 0;
  }
  return sum;
}

}  // namespace heim
