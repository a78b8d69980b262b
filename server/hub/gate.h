// Gate lets callbacks that outlive their object find out that it is gone: timers, executors and
// commits hold the gate, the object closes it in its destructor and waits for those inside.
// Shared by the object and its callbacks. Thread-safe. Only Close waits; never call it from inside.
#pragma once

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace heim {

class Gate {
 public:
  bool Enter() {
    absl::MutexLock lock(&mutex_);
    if (closed_) return false;
    ++inside_;
    return true;
  }

  void Leave() {
    absl::MutexLock lock(&mutex_);
    --inside_;
  }

  void Close() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    mutex_.Await(absl::Condition(this, &Gate::Empty));
  }

  // Wraps a callback so that it does nothing once the gate is closed.
  template <typename F>
  static auto Guard(std::shared_ptr<Gate> gate, F callback) {
    return [gate = std::move(gate), callback = std::move(callback)](auto&&... args) mutable {
      if (!gate->Enter()) return;
      callback(std::forward<decltype(args)>(args)...);
      gate->Leave();
    };
  }

 private:
  bool Empty() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return inside_ == 0; }

  absl::Mutex mutex_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int inside_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace heim
