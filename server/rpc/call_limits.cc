#include "server/rpc/call_limits.h"

#include <string>

#include "server/base/address.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

// First letters of the names of buckets.
constexpr char kOfAddress = 'a';
constexpr char kOfStranger = 's';
constexpr char kOfActor = 'p';
constexpr char kOfCredential = 'k';
constexpr char kOfChannel = 'c';

std::string Name(char kind, int number, std::string_view key) {
  std::string name(1, kind);
  StrAppend(&name, number, ":", key);
  return name;
}

// `whose` tells the caller which bucket is empty.
absl::Status Refusal(const RateLimiter::Verdict& verdict, std::string_view whose,
                     std::string_view text) {
  return ErrorBuilder(v1::ERROR_REASON_RATE_LIMITED, text)
      .RetryAfter(verdict.retry_after)
      .Detail("limit_of", whose)
      .Build();
}

}  // namespace

CallLimits::CallLimits(Options options, Clock& clock)
    : factor_(RateFactorOf(options.tier)),
      buckets_({options.enabled, options.buckets_max}, clock) {}

// Guessing passwords is no faster in a higher tier.
BucketRule CallLimits::RuleOf(v1::RateClass rate_class) const {
  const BucketRule rule = BucketOf(rate_class);
  return rate_class == v1::RATE_CLASS_AUTH ? rule : Widened(rule, factor_);
}

absl::Status CallLimits::TakeForAddress(std::string_view address) {
  if (address.empty() || IsLoopback(address)) return absl::OkStatus();
  const Verdict verdict =
      buckets_.Take(Widened(kRateOfAddress, factor_), Name(kOfAddress, 0, NetworkOf(address)));
  if (verdict.allowed) return absl::OkStatus();
  return Refusal(verdict, "address", "Too many calls come from this address; wait a moment");
}

absl::Status CallLimits::TakeForCall(v1::RateClass rate_class, CallContext& context) {
  const bool known = context.caller.authenticated();
  if (!known && (context.address.empty() || IsLoopback(context.address))) return absl::OkStatus();
  Verdict verdict;
  if (known) {
    verdict = TakeForCaller(rate_class, context.caller);
  } else {
    const bool log_in = rate_class == v1::RATE_CLASS_AUTH;
    const BucketRule rule = Widened(RuleOf(rate_class), log_in ? kAuthOfAddress : 1);
    verdict = buckets_.Take(rule, Name(kOfStranger, rate_class, NetworkOf(context.address)));
  }
  if (!verdict.limited) return absl::OkStatus();
  context.rate_limit = RateLimitState{verdict.limit, verdict.remaining, verdict.reset};
  if (verdict.allowed) return absl::OkStatus();
  return Refusal(verdict, known ? "caller" : "address", "Too many calls; wait before the next");
}

absl::Duration CallLimits::TakeForStreamMessage(v1::RateClass rate_class, const Caller& caller) {
  return TakeForCaller(rate_class, caller).retry_after;
}

// The credential's bucket, and the actor's, which is wider: so that many keys are not many times
// the rights. Tells of the one that has less left.
RateLimiter::Verdict CallLimits::TakeForCaller(v1::RateClass rate_class, const Caller& caller) {
  if (caller.credential_id.empty()) return {};  // the server itself, on behalf of the actor
  const BucketRule rule = RuleOf(rate_class);
  const BucketRule actor_rule = Widened(rule, kRateOfActor);
  const std::string actor_name = Name(kOfActor, rate_class, caller.actor_id.str());
  const Verdict actor = buckets_.Take(actor_rule, actor_name);
  if (!actor.allowed) return actor;
  const Verdict credential =
      buckets_.Take(rule, Name(kOfCredential, rate_class, caller.credential_id));
  if (!credential.allowed) buckets_.GiveBack(actor_rule, actor_name);
  const bool actors = credential.allowed && actor.remaining < credential.remaining;
  return actors ? actor : credential;
}

absl::Status CallLimits::TakeForChannel(const ChannelId& channel, const Caller& caller) {
  const Verdict verdict = buckets_.Take(Widened(kRateOfChannel, factor_),
                                        Name(kOfChannel, caller.actor.type(), channel.str()));
  if (verdict.allowed) return absl::OkStatus();
  return Refusal(verdict, "channel", "Too many messages come into this channel; wait a moment");
}

}  // namespace heim
