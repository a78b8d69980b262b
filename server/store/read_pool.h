// ReadPool lends a driver's read connections. Owned by the store. Thread-safe. Take blocks for a
// bounded time when all are out.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace heim {

template <typename Connection>
class ReadPool {
 public:
  // A connection on loan; given back when it goes.
  class Loan {
   public:
    Loan(ReadPool* pool, std::unique_ptr<Connection> connection)
        : pool_(pool), connection_(std::move(connection)) {}
    ~Loan() {
      if (connection_ != nullptr) pool_->GiveBack(std::move(connection_));
    }
    Loan(Loan&&) = default;
    Loan& operator=(Loan&&) = delete;
    Connection& connection() { return *connection_; }

   private:
    ReadPool* const pool_;
    std::unique_ptr<Connection> connection_;
  };

  ReadPool(std::vector<std::unique_ptr<Connection>> connections, absl::Duration longest_wait)
      : longest_wait_(longest_wait), free_(std::move(connections)) {}

  // UNAVAILABLE when none came free in time.
  absl::StatusOr<Loan> Take() {
    absl::MutexLock lock(&mutex_);
    if (!mutex_.AwaitWithTimeout(absl::Condition(this, &ReadPool::HasFree), longest_wait_)) {
      return absl::UnavailableError("no read connection came free in time");
    }
    std::unique_ptr<Connection> connection = std::move(free_.back());
    free_.pop_back();
    return Loan(this, std::move(connection));
  }

 private:
  bool HasFree() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !free_.empty(); }
  void GiveBack(std::unique_ptr<Connection> connection) {
    absl::MutexLock lock(&mutex_);
    free_.push_back(std::move(connection));
  }

  const absl::Duration longest_wait_;
  absl::Mutex mutex_;
  // The one given back last is taken next: its cache is warm.
  std::vector<std::unique_ptr<Connection>> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
