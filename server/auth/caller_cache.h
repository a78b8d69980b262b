// CallerCache remembers who a token stands for, for at most a minute, and forgets at once when told
// to. Bounded. Owned by the StoreAuthenticator. Thread-safe, never blocks.
//
// A lookup that began before something was forgotten must not bring it back: it takes a
// generation() first and hands it to Put, which drops what is older than the last forgetting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/model/caller.h"

namespace heim {

class CallerCache {
 public:
  struct Options {
    absl::Duration keep_for = absl::Seconds(60);
    size_t entries_max = 10'000;
  };

  explicit CallerCache(Options options) : options_(options) {}

  // `now` is monotonic everywhere.
  std::optional<Caller> Find(const std::string& key, absl::Duration now);

  uint64_t generation() const;
  void Put(const std::string& key, Caller caller, uint64_t generation, absl::Duration now);

  void DropCredential(std::string_view credential_id);
  void DropActor(const ActorId& actor);

 private:
  struct Entry {
    Caller caller;
    absl::Duration until;
  };

  const Options options_;
  mutable absl::Mutex mutex_;
  uint64_t generation_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
