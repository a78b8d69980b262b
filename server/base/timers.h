// Timers run a callback once, at or after a moment. Owned by the wiring, outlives all users.
// Thread-safe. At, After and Cancel never block and may be called from a callback. Callbacks run
// on the timer thread and must not block: they post to an Executor what takes time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/clock.h"

namespace heim {

class Timers {
 public:
  // Never 0, so that 0 may stand for "no timer".
  using Id = uint64_t;

  virtual ~Timers() = default;

  // Runs `callback` when the wall time reaches `when`; follows steps of the clock.
  virtual Id At(absl::Time when, absl::AnyInvocable<void()> callback) = 0;

  // Runs `callback` when `delay` has passed on the monotonic clock.
  virtual Id After(absl::Duration delay, absl::AnyInvocable<void()> callback) = 0;

  // True if the callback will not run: it had not started and is destroyed now. False if it ran,
  // runs, was cancelled before or never existed; it is not waited for.
  virtual bool Cancel(Id id) = 0;
};

// The timers that are due, in order; shared by the two implementations below. Not thread-safe.
class TimerQueue {
 public:
  Timers::Id AddWall(absl::Time when, absl::AnyInvocable<void()> callback);
  Timers::Id AddMonotonic(absl::Duration when, absl::AnyInvocable<void()> callback);

  // Takes the callback out, so that the caller can destroy it without its lock; null if unknown.
  absl::AnyInvocable<void()> Take(Timers::Id id);

  // Takes the next due callback with an id below `before`, the one that is due longest first; null
  // when there is none.
  absl::AnyInvocable<void()> TakeDue(absl::Time now, absl::Duration monotonic,
                                     Timers::Id before = ~Timers::Id{0});

  // All ids given so far are below this.
  Timers::Id next_id() const { return next_id_; }

  // How long until the next one is due; InfiniteDuration when there is none.
  absl::Duration UntilNext(absl::Time now, absl::Duration monotonic) const;

  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    bool wall = false;
    absl::Time at_wall;
    absl::Duration at_monotonic;
    absl::AnyInvocable<void()> callback;
  };

  Timers::Id next_id_ = 1;
  absl::flat_hash_map<Timers::Id, Entry> entries_;
  std::map<std::pair<absl::Time, Timers::Id>, Timers::Id> by_wall_;
  std::map<std::pair<absl::Duration, Timers::Id>, Timers::Id> by_monotonic_;
};

// One thread of its own. The destructor drops what has not started and joins the thread, so it
// must not run in a callback.
class ThreadTimers final : public Timers {
 public:
  explicit ThreadTimers(Clock& clock);
  ~ThreadTimers() override;

  Id At(absl::Time when, absl::AnyInvocable<void()> callback) override;
  Id After(absl::Duration delay, absl::AnyInvocable<void()> callback) override;
  bool Cancel(Id id) override;

 private:
  void Run();
  void Wake();

  Clock& clock_;
  const int wake_fd_;  // An eventfd: poll waits by the monotonic clock, absl::CondVar by the wall.
  absl::Mutex mutex_;
  TimerQueue queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

// Fires in the thread that moves the clock, in order of due time, before Set or Advance returns.
// A timer that is already due when it is made fires at the next move, not at once.
class ManualTimers final : public Timers {
 public:
  explicit ManualTimers(ManualClock& clock);
  ~ManualTimers() override;

  Id At(absl::Time when, absl::AnyInvocable<void()> callback) override;
  Id After(absl::Duration delay, absl::AnyInvocable<void()> callback) override;
  bool Cancel(Id id) override;

  // How many have neither run nor been cancelled.
  size_t pending() const;

 private:
  void FireDue();

  ManualClock& clock_;
  mutable absl::Mutex mutex_;
  TimerQueue queue_ ABSL_GUARDED_BY(mutex_);
  ManualClock::ListenerId listener_;
};

}  // namespace heim
