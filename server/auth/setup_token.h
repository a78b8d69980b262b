// SetupToken is the one-use token of the set-up link, which makes the first account. It lives in
// memory only: it dies on use and with the process. Owned by app. Thread-safe, never blocks.
//
// Whether a first account is still to be made is the database's to say, in the transaction that
// makes it; this class only knows the secret.
#pragma once

#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/base/entropy.h"

namespace heim {

class SetupToken {
 public:
  // `configured` is HEIM_SETUP_TOKEN; empty: a random token is made.
  SetupToken(std::string configured, Entropy& entropy);

  // For the set-up link; empty once spent.
  std::string value() const;

  // Takes the same time wherever the difference is. False once spent.
  bool Matches(std::string_view token) const;

  void Spend();

 private:
  mutable absl::Mutex mutex_;
  std::string value_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
