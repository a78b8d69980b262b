#include "server/auth/login_throttle.h"

#include <algorithm>

#include "server/base/address.h"
#include "server/base/crypto.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"

namespace heim {
namespace {

// Keys are hashes: of bounded size whatever was sent, and no e-mail addresses lie around.
std::string PairKey(std::string_view account, std::string_view address) {
  return Sha256(
      StrCat("p", std::to_string(account.size()), ":", AsciiLower(account), NetworkOf(address)));
}

std::string AddressKey(std::string_view address) { return Sha256(StrCat("a", NetworkOf(address))); }

}  // namespace

LoginThrottle::LoginThrottle(LoginThrottleOptions options, Clock& clock)
    : options_(options), clock_(clock) {}

absl::Duration LoginThrottle::Take(const std::string& key, int tries_max, absl::Duration now) {
  Entry& entry = entries_[key];
  if (entry.blocked_until > now) return entry.blocked_until - now;
  if (entry.window_ends <= now) {
    // Rounds are forgiven after a quiet window, not at the end of a wait.
    if (entry.blocked_until + options_.window <= now) entry.rounds = 0;
    entry.tries = 0;
    entry.window_ends = now + options_.window;
  }
  if (entry.tries < tries_max) {
    ++entry.tries;
    return absl::ZeroDuration();
  }
  const int doublings = std::min(entry.rounds, 8);
  const absl::Duration wait =
      std::min(std::max((1 << doublings) * options_.window, entry.window_ends - now),
               std::max(options_.wait_max, options_.window));
  ++entry.rounds;
  entry.blocked_until = now + wait;
  entry.window_ends = entry.blocked_until;
  return wait;
}

void LoginThrottle::MakeRoom(absl::Duration now) {
  if (entries_.size() + 2 <= options_.entries_max) return;
  absl::erase_if(entries_, [&](const auto& item) {
    return item.second.window_ends <= now && item.second.blocked_until + options_.window <= now;
  });
  while (!entries_.empty() && entries_.size() + 2 > options_.entries_max) {
    entries_.erase(entries_.begin());
  }
}

absl::Status LoginThrottle::Begin(std::string_view account, std::string_view address) {
  if (!options_.enabled) return absl::OkStatus();
  const absl::Duration now = clock_.Monotonic();
  absl::MutexLock lock(&mutex_);
  MakeRoom(now);
  absl::Duration wait = Take(PairKey(account, address), options_.tries_max, now);
  if (wait == absl::ZeroDuration() && !IsLoopback(address)) {
    wait = Take(AddressKey(address), options_.address_tries_max, now);
  }
  if (wait == absl::ZeroDuration()) return absl::OkStatus();
  return ErrorBuilder(v1::ERROR_REASON_RATE_LIMITED, "Too many tries; wait before the next")
      .RetryAfter(wait)
      .Build();
}

void LoginThrottle::Succeeded(std::string_view account, std::string_view address) {
  if (!options_.enabled) return;
  absl::MutexLock lock(&mutex_);
  entries_.erase(PairKey(account, address));
  const auto it = entries_.find(AddressKey(address));
  if (it != entries_.end() && it->second.tries > 0) --it->second.tries;
}

}  // namespace heim
