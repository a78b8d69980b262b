// Tickets stand for a token in the address of one WebSocket: good once, for a minute, in memory
// only. A ticket names the credential it was made with, so it dies with it. Bounded. Owned by the
// StoreAuthenticator. Thread-safe, never blocks.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/entropy.h"
#include "server/model/caller.h"
#include "server/model/limits.h"

namespace heim {

class Tickets {
 public:
  struct Options {
    absl::Duration good_for = kTicketLifetime;
    size_t tickets_max = 10'000;
  };

  Tickets(Options options, Entropy& entropy) : options_(options), entropy_(entropy) {}

  // OVERLOADED when too many are open. `now` is monotonic.
  absl::StatusOr<std::string> Make(const Caller& caller, absl::Duration now);

  // The caller it was made for, once.
  std::optional<Caller> Take(std::string_view ticket, absl::Duration now);

  void DropCredential(std::string_view credential_id);
  void DropActor(const ActorId& actor);

  absl::Duration good_for() const { return options_.good_for; }

 private:
  struct Entry {
    Caller caller;
    absl::Duration until;
  };

  const Options options_;
  Entropy& entropy_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);  // by hash
};

}  // namespace heim
