#include "server/auth/caller_cache.h"

#include <utility>

namespace heim {

std::optional<Caller> CallerCache::Find(const std::string& key, absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  const auto it = entries_.find(key);
  if (it == entries_.end()) return std::nullopt;
  if (it->second.until <= now) {
    entries_.erase(it);
    return std::nullopt;
  }
  return it->second.caller;
}

uint64_t CallerCache::generation() const {
  absl::MutexLock lock(&mutex_);
  return generation_;
}

void CallerCache::Put(const std::string& key, Caller caller, uint64_t generation,
                      absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  if (generation != generation_) return;
  if (entries_.size() >= options_.entries_max) {
    absl::erase_if(entries_, [now](const auto& item) { return item.second.until <= now; });
  }
  // Full of live entries: start anew, which costs each of them one read.
  if (entries_.size() >= options_.entries_max) entries_.clear();
  entries_[key] = Entry{std::move(caller), now + options_.keep_for};
}

void CallerCache::DropCredential(std::string_view credential_id) {
  absl::MutexLock lock(&mutex_);
  ++generation_;
  absl::erase_if(entries_, [credential_id](const auto& item) {
    return item.second.caller.credential_id == credential_id;
  });
}

void CallerCache::DropActor(const ActorId& actor) {
  absl::MutexLock lock(&mutex_);
  ++generation_;
  absl::erase_if(entries_,
                 [&actor](const auto& item) { return item.second.caller.actor_id == actor; });
}

}  // namespace heim
