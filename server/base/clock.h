// Clock is the only source of time: wall time to show and store, monotonic time to measure and
// wait. Owned by the wiring (or the test), outlives all users. Thread-safe. Never blocks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace heim {

class Clock {
 public:
  virtual ~Clock() = default;

  // Wall time; may step back or forth. Whoever stores it truncates it to milliseconds.
  virtual absl::Time Now() const = 0;

  // Time since a fixed, unspecified moment; never goes back.
  virtual absl::Duration Monotonic() const = 0;
};

class SystemClock final : public Clock {
 public:
  absl::Time Now() const override;
  absl::Duration Monotonic() const override;
};

// A clock that moves only when told. Advance moves wall and monotonic time; Set moves the wall
// time (also back) and the monotonic time only forward.
class ManualClock final : public Clock {
 public:
  // The default is 2026-01-01T00:00:00Z.
  explicit ManualClock(absl::Time start = absl::FromUnixSeconds(1767225600));

  absl::Time Now() const override;
  absl::Duration Monotonic() const override;

  void Set(absl::Time now);
  void Advance(absl::Duration by);

  // `listener` runs after each move, in the thread that moved the clock, with no lock of the clock
  // held. RemoveListener does not wait for a call in progress in another thread.
  using ListenerId = uint64_t;
  ListenerId AddListener(std::function<void()> listener);
  void RemoveListener(ListenerId id);

 private:
  void NotifyListeners();

  mutable absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
  absl::Duration monotonic_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
  ListenerId next_listener_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<ListenerId, std::function<void()>> listeners_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
