#include "server/base/clock.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "server/base/check.h"

namespace heim {

absl::Time SystemClock::Now() const { return absl::Now(); }

absl::Duration SystemClock::Monotonic() const {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

ManualClock::ManualClock(absl::Time start) : now_(start) {}

absl::Time ManualClock::Now() const {
  absl::MutexLock lock(&mutex_);
  return now_;
}

absl::Duration ManualClock::Monotonic() const {
  absl::MutexLock lock(&mutex_);
  return monotonic_;
}

void ManualClock::Set(absl::Time now) {
  {
    absl::MutexLock lock(&mutex_);
    if (now > now_) monotonic_ += now - now_;
    now_ = now;
  }
  NotifyListeners();
}

void ManualClock::Advance(absl::Duration by) {
  HEIM_CHECK(by >= absl::ZeroDuration());
  {
    absl::MutexLock lock(&mutex_);
    now_ += by;
    monotonic_ += by;
  }
  NotifyListeners();
}

ManualClock::ListenerId ManualClock::AddListener(std::function<void()> listener) {
  absl::MutexLock lock(&mutex_);
  const ListenerId id = next_listener_++;
  listeners_.emplace(id, std::move(listener));
  return id;
}

void ManualClock::RemoveListener(ListenerId id) {
  absl::MutexLock lock(&mutex_);
  listeners_.erase(id);
}

void ManualClock::NotifyListeners() {
  std::vector<std::function<void()>> listeners;
  {
    absl::MutexLock lock(&mutex_);
    listeners.reserve(listeners_.size());
    for (const auto& [id, listener] : listeners_) listeners.push_back(listener);
  }
  for (const auto& listener : listeners) listener();
}

}  // namespace heim
