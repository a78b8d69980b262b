// OpenStreams remembers what clients feed as long as they please (WriteStream, uploads), so that a
// revoked credential ends it. What the hub serves is not in it: the hub says goodbye by itself.
// Owned by the ServerInvoker. Thread-safe, never blocks.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/model/caller.h"
#include "server/rpc/guarded_stream.h"

namespace heim {

class OpenStreams {
 public:
  struct Open {
    std::weak_ptr<GuardedStream> stream;
    Caller caller;
  };

  void Add(const std::shared_ptr<GuardedStream>& stream, const Caller& caller);

  // Those of the credential or of the actor, whichever is not empty.
  std::vector<Open> Of(std::string_view credential_id, const ActorId& actor) const;

 private:
  mutable absl::Mutex mutex_;
  std::vector<Open> streams_ ABSL_GUARDED_BY(mutex_);
  size_t sweep_at_ ABSL_GUARDED_BY(mutex_) = 16;  // when the list is this long, ended ones go
};

}  // namespace heim
