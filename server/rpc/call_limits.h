// CallLimits says how often one may call: the token buckets of an address, of a credential, of all
// credentials of an actor, and of a channel. What each holds stands in model/limits.h. A call that
// one of them refuses takes nothing from the others. Owned by app. Thread-safe, never blocks.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "heim/v1/options.pb.h"
#include "server/base/clock.h"
#include "server/model/limits.h"
#include "server/rpc/rate_limiter.h"
#include "server/service/call.h"

namespace heim {

class CallLimits final : public ChannelBreaker {
 public:
  struct Options {
    bool enabled = true;             // HEIM_RATE_LIMITS
    RateTier tier = RateTier::kPro;  // HEIM_RATE_TIER
    size_t buckets_max = 100'000;
  };

  CallLimits(Options options, Clock& clock);

  // Of every call, before it is known who calls. Loopback is not limited. RATE_LIMITED.
  absl::Status TakeForAddress(std::string_view address);

  // Of a call of this class. Without a caller its address stands for it; AUTH without a caller is
  // the bucket of log-ins from an address. Fills `context.rate_limit` with what is left, also when
  // the call is refused. RATE_LIMITED.
  absl::Status TakeForCall(v1::RateClass rate_class, CallContext& context);

  // The same for a message of an open stream: how long to wait for its turn; zero: it is taken.
  absl::Duration TakeForStreamMessage(v1::RateClass rate_class, const Caller& caller);

  absl::Status TakeForChannel(const ChannelId& channel, const Caller& caller) override;

  // Buckets that are not full.
  size_t size() const { return buckets_.size(); }

 private:
  using Verdict = RateLimiter::Verdict;

  Verdict TakeForCaller(v1::RateClass rate_class, const Caller& caller);
  BucketRule RuleOf(v1::RateClass rate_class) const;

  const double factor_;
  RateLimiter buckets_;
};

}  // namespace heim
