// LoginThrottle bounds guessing of passwords: 10 tries in 15 minutes for an account from an
// address, then a wait that doubles with each round up to an hour; 50 for an address over all
// accounts, loopback excepted. An account is only ever closed to the address that guessed, so that
// nobody can lock others out. Owned by app. Thread-safe, never blocks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/address.h"
#include "server/base/clock.h"

namespace heim {

struct LoginThrottleOptions {
  bool enabled = true;
  int tries_max = 10;
  int address_tries_max = 50;
  absl::Duration window = absl::Minutes(15);
  absl::Duration wait_max = absl::Hours(1);
  size_t entries_max = 100'000;
};

class LoginThrottle {
 public:
  LoginThrottle(LoginThrottleOptions options, Clock& clock);

  // Counts a try before its password is checked, so that many at once gain nothing. RATE_LIMITED
  // with the time to wait.
  absl::Status Begin(std::string_view account, std::string_view address);
  // The try was right: it and the wrong ones before it no longer count.
  void Succeeded(std::string_view account, std::string_view address);

 private:
  struct Entry {
    int tries = 0;
    int rounds = 0;                // how often the tries were used up
    absl::Duration window_ends;    // when the tries count no longer
    absl::Duration blocked_until;  // monotonic; zero: not blocked
  };

  // How long to wait; zero: the try is taken.
  absl::Duration Take(const std::string& key, int tries_max, absl::Duration now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MakeRoom(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const LoginThrottleOptions options_;
  Clock& clock_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
