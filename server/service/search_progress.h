// SearchProgress knows how far each workspace's log is indexed, and tells those who wait for a
// place in it. Owned by app; the Timers outlive it. Thread-safe; never blocks. Callbacks come from
// the thread that calls Reached, or that of the timers, without locks, and must not block.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/timers.h"
#include "server/model/ids.h"

namespace heim {

class SearchProgress {
 public:
  explicit SearchProgress(Timers& timers) : state_(std::make_shared<State>()), timers_(timers) {}

  uint64_t PositionOf(const WorkspaceId& workspace) const;
  void Reached(const WorkspaceId& workspace, uint64_t position);

  // Whether older messages are still missing from the index.
  bool rebuilding() const { return rebuilding_; }
  void SetRebuilding(bool rebuilding) { rebuilding_ = rebuilding; }

  // Calls `then` once: when the position is reached, or after the delay, or at once when too many
  // wait already.
  void WhenReached(const WorkspaceId& workspace, uint64_t position, absl::Duration at_most,
                   absl::AnyInvocable<void()> then);

 private:
  struct Waiter {
    uint64_t id = 0;
    std::string workspace;
    uint64_t position = 0;
    Timers::Id timer = 0;
    absl::AnyInvocable<void()> then;
  };
  // Outlives the object in the callbacks of timers.
  struct State {
    absl::Mutex mutex;
    absl::flat_hash_map<std::string, uint64_t> positions ABSL_GUARDED_BY(mutex);
    std::vector<Waiter> waiters ABSL_GUARDED_BY(mutex);
    uint64_t last_id ABSL_GUARDED_BY(mutex) = 0;
  };

  static void Expire(State& state, uint64_t id);

  const std::shared_ptr<State> state_;
  Timers& timers_;
  std::atomic<bool> rebuilding_{false};
};

}  // namespace heim
