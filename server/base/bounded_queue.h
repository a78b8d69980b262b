// BoundedQueue hands values from many producers to consumers and never holds more than its
// capacity. Owned by the consumer. Thread-safe. TryPush never blocks; the Pop calls wait, by the
// real clock, because they are for a thread of one's own. A step of the wall clock can stretch or
// shorten one timeout, never a wake-up by TryPush or Close.
#pragma once

#include <cstddef>
#include <deque>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace heim {

template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  BoundedQueue(const BoundedQueue&) = delete;
  BoundedQueue& operator=(const BoundedQueue&) = delete;

  // False when full or closed; `value` is then left as it was.
  bool TryPush(T&& value) {
    absl::MutexLock lock(&mutex_);
    if (closed_ || items_.size() >= capacity_) return false;
    items_.push_back(std::move(value));
    return true;
  }

  bool TryPush(const T& value) {
    T copy(value);
    return TryPush(std::move(copy));
  }

  // Waits for at least one value and takes all. Empty only when closed and drained.
  std::vector<T> PopAll() { return PopBatch(capacity_, absl::InfiniteDuration()); }

  // Waits up to `timeout` for at least one value, then takes at most `max` of what is there. Empty
  // on timeout, or at once when closed and drained.
  std::vector<T> PopBatch(size_t max, absl::Duration timeout) {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(this, &BoundedQueue::HasItemsOrClosed), timeout);
    return TakeLocked(max);
  }

  std::vector<T> PopBatch(size_t max, absl::Time deadline) {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithDeadline(absl::Condition(this, &BoundedQueue::HasItemsOrClosed), deadline);
    return TakeLocked(max);
  }

  // Refuses further values and wakes all waiters; what is queued can still be taken.
  void Close() {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }

  bool closed() const {
    absl::MutexLock lock(&mutex_);
    return closed_;
  }

  size_t size() const {
    absl::MutexLock lock(&mutex_);
    return items_.size();
  }

  size_t capacity() const { return capacity_; }

 private:
  bool HasItemsOrClosed() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return closed_ || !items_.empty();
  }

  std::vector<T> TakeLocked(size_t max) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const size_t count = items_.size() < max ? items_.size() : max;
    const auto end = items_.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<T> taken(std::make_move_iterator(items_.begin()), std::make_move_iterator(end));
    items_.erase(items_.begin(), end);
    return taken;
  }

  const size_t capacity_;
  mutable absl::Mutex mutex_;
  std::deque<T> items_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace heim
