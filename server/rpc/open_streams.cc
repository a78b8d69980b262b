#include "server/rpc/open_streams.h"

#include <algorithm>

namespace heim {

void OpenStreams::Add(const std::shared_ptr<GuardedStream>& stream, const Caller& caller) {
  absl::MutexLock lock(&mutex_);
  streams_.push_back({stream, caller});
  if (streams_.size() < sweep_at_) return;
  streams_.erase(std::remove_if(streams_.begin(), streams_.end(),
                                [](const Open& open) { return open.stream.expired(); }),
                 streams_.end());
  sweep_at_ = 2 * streams_.size() + 16;
}

std::vector<OpenStreams::Open> OpenStreams::Of(std::string_view credential_id,
                                               const ActorId& actor) const {
  std::vector<Open> found;
  absl::MutexLock lock(&mutex_);
  for (const Open& open : streams_) {
    const bool meant =
        actor.empty() ? open.caller.credential_id == credential_id : open.caller.actor_id == actor;
    if (meant && !open.stream.expired()) found.push_back(open);
  }
  return found;
}

}  // namespace heim
