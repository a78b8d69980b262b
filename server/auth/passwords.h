// Passwords hashes and checks passwords, a few at a time: each hash takes tens of milliseconds and
// about 19 MiB on purpose. Owned by app. Thread-safe. Every call blocks: on an Executor only.
#pragma once

#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "server/base/crypto.h"
#include "server/base/entropy.h"

namespace heim {

struct PasswordOptions {
  PasswordCost cost;
  int concurrent_max = 2;  // hashes at the same time
  int waiting_max = 16;    // callers that wait for one; more are refused
};

class Passwords {
 public:
  Passwords(PasswordOptions options, Entropy& entropy);

  // OVERLOADED when too many wait or there is no memory.
  absl::StatusOr<std::string> Hash(std::string_view password);

  struct Verdict {
    bool matches = false;
    bool needs_rehash = false;  // made with another cost
  };
  // An empty hash stands for an account that does not exist or has no password: it takes the same
  // time and never matches. OVERLOADED.
  absl::StatusOr<Verdict> Verify(std::string_view hash, std::string_view password);

 private:
  class Slot;
  bool Enter();
  void Leave();

  const PasswordOptions options_;
  std::string dummy_hash_;
  absl::Mutex mutex_;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return running_ < options_.concurrent_max;
  }
};

}  // namespace heim
