#include "server/base/timers.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "server/base/check.h"

namespace heim {
namespace {

// While a wall-time timer waits, the clock is looked at this often, because a step of the wall
// clock wakes nobody.
constexpr absl::Duration kWallClockCheck = absl::Seconds(1);

}  // namespace

Timers::Id TimerQueue::AddWall(absl::Time when, absl::AnyInvocable<void()> callback) {
  const Timers::Id id = next_id_++;
  by_wall_.emplace(std::make_pair(when, id), id);
  entries_.emplace(id, Entry{true, when, absl::ZeroDuration(), std::move(callback)});
  return id;
}

Timers::Id TimerQueue::AddMonotonic(absl::Duration when, absl::AnyInvocable<void()> callback) {
  const Timers::Id id = next_id_++;
  by_monotonic_.emplace(std::make_pair(when, id), id);
  entries_.emplace(id, Entry{false, absl::InfinitePast(), when, std::move(callback)});
  return id;
}

absl::AnyInvocable<void()> TimerQueue::Take(Timers::Id id) {
  const auto it = entries_.find(id);
  if (it == entries_.end()) return nullptr;
  if (it->second.wall) {
    by_wall_.erase({it->second.at_wall, id});
  } else {
    by_monotonic_.erase({it->second.at_monotonic, id});
  }
  absl::AnyInvocable<void()> callback = std::move(it->second.callback);
  entries_.erase(it);
  return callback;
}

absl::AnyInvocable<void()> TimerQueue::TakeDue(absl::Time now, absl::Duration monotonic,
                                               Timers::Id before) {
  Timers::Id best = 0;
  absl::Duration best_late = -absl::InfiniteDuration();
  for (const auto& [key, id] : by_wall_) {
    if (key.first > now) break;
    if (id >= before) continue;
    best = id;
    best_late = now - key.first;
    break;
  }
  for (const auto& [key, id] : by_monotonic_) {
    if (key.first > monotonic) break;
    if (id >= before) continue;
    const absl::Duration late = monotonic - key.first;
    if (best == 0 || late > best_late || (late == best_late && id < best)) best = id;
    break;
  }
  return best == 0 ? nullptr : Take(best);
}

absl::Duration TimerQueue::UntilNext(absl::Time now, absl::Duration monotonic) const {
  absl::Duration wait = absl::InfiniteDuration();
  if (!by_wall_.empty()) wait = std::min(by_wall_.begin()->first.first - now, kWallClockCheck);
  if (!by_monotonic_.empty()) {
    wait = std::min(wait, by_monotonic_.begin()->first.first - monotonic);
  }
  return std::max(wait, absl::ZeroDuration());
}

ThreadTimers::ThreadTimers(Clock& clock)
    : clock_(clock), wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  HEIM_CHECK(wake_fd_ >= 0);
  thread_ = std::thread([this] { Run(); });
}

ThreadTimers::~ThreadTimers() {
  HEIM_CHECK(thread_.get_id() != std::this_thread::get_id());
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  Wake();
  thread_.join();
  close(wake_fd_);
}

void ThreadTimers::Wake() {
  const uint64_t one = 1;
  // The write fails only when the counter is full, and then the thread is woken already.
  [[maybe_unused]] const ssize_t ignored = write(wake_fd_, &one, sizeof(one));
}

Timers::Id ThreadTimers::At(absl::Time when, absl::AnyInvocable<void()> callback) {
  Id id;
  {
    absl::MutexLock lock(&mutex_);
    id = queue_.AddWall(when, std::move(callback));
  }
  Wake();
  return id;
}

Timers::Id ThreadTimers::After(absl::Duration delay, absl::AnyInvocable<void()> callback) {
  const absl::Time now = clock_.Now();
  const absl::Duration monotonic = clock_.Monotonic();
  const absl::Duration when = monotonic + delay;
  bool first;
  Id id;
  {
    absl::MutexLock lock(&mutex_);
    first = delay < queue_.UntilNext(now, monotonic);
    id = queue_.AddMonotonic(when, std::move(callback));
  }
  if (first || delay <= absl::ZeroDuration()) Wake();
  return id;
}

bool ThreadTimers::Cancel(Id id) {
  absl::AnyInvocable<void()> cancelled;
  absl::MutexLock lock(&mutex_);
  cancelled = queue_.Take(id);
  return cancelled != nullptr;
}

void ThreadTimers::Run() {
  pthread_setname_np(pthread_self(), "heim-timers");
  while (true) {
    absl::AnyInvocable<void()> due;
    absl::Duration wait;
    const absl::Time now = clock_.Now();
    const absl::Duration monotonic = clock_.Monotonic();
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
      due = queue_.TakeDue(now, monotonic);
      wait = queue_.UntilNext(now, monotonic);
    }
    if (due != nullptr) {
      due();
      continue;
    }
    const timespec timeout = absl::ToTimespec(wait);
    pollfd wake{wake_fd_, POLLIN, 0};
    ppoll(&wake, 1, wait == absl::InfiniteDuration() ? nullptr : &timeout, nullptr);
    uint64_t count;
    [[maybe_unused]] const ssize_t ignored = read(wake_fd_, &count, sizeof(count));
  }
}

ManualTimers::ManualTimers(ManualClock& clock)
    : clock_(clock), listener_(clock.AddListener([this] { FireDue(); })) {}

ManualTimers::~ManualTimers() { clock_.RemoveListener(listener_); }

Timers::Id ManualTimers::At(absl::Time when, absl::AnyInvocable<void()> callback) {
  absl::MutexLock lock(&mutex_);
  return queue_.AddWall(when, std::move(callback));
}

Timers::Id ManualTimers::After(absl::Duration delay, absl::AnyInvocable<void()> callback) {
  const absl::Duration when = clock_.Monotonic() + delay;
  absl::MutexLock lock(&mutex_);
  return queue_.AddMonotonic(when, std::move(callback));
}

bool ManualTimers::Cancel(Id id) {
  absl::AnyInvocable<void()> cancelled;
  absl::MutexLock lock(&mutex_);
  cancelled = queue_.Take(id);
  return cancelled != nullptr;
}

size_t ManualTimers::pending() const {
  absl::MutexLock lock(&mutex_);
  return queue_.size();
}

void ManualTimers::FireDue() {
  Id before;
  {
    absl::MutexLock lock(&mutex_);
    before = queue_.next_id();
  }
  while (true) {
    absl::AnyInvocable<void()> due;
    const absl::Time now = clock_.Now();
    const absl::Duration monotonic = clock_.Monotonic();
    {
      absl::MutexLock lock(&mutex_);
      due = queue_.TakeDue(now, monotonic, before);
    }
    if (due == nullptr) return;
    due();
  }
}

}  // namespace heim
