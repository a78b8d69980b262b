#include "gateway/http/connection.h"

#include <limits>
#include <utility>

namespace heim {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

}  // namespace

size_t Registry::size() const {
  absl::MutexLock lock(&mutex_);
  return open_.size();
}

size_t Registry::CountOf(const std::string& address) const {
  absl::MutexLock lock(&mutex_);
  const auto found = by_address_.find(address);
  return found == by_address_.end() ? 0 : found->second;
}

void Registry::Add(Connection* connection) {
  absl::MutexLock lock(&mutex_);
  open_.insert(connection);
  ++by_address_[connection->address()];
}

void Registry::Remove(Connection* connection) {
  absl::MutexLock lock(&mutex_);
  open_.erase(connection);
  const auto found = by_address_.find(connection->address());
  if (--found->second == 0) by_address_.erase(found);
}

void Registry::Sweep() {
  struct Due {
    std::shared_ptr<Connection> connection;
    Connection::Timer timer;
  };
  std::vector<Due> due;
  const int64_t now = absl::ToInt64Nanoseconds(clock_.Monotonic());
  {
    absl::MutexLock lock(&mutex_);
    for (Connection* connection : open_) {
      for (size_t i = 0; i < Connection::kTimers; ++i) {
        if (connection->deadlines_[i].load(std::memory_order_relaxed) > now) continue;
        // One that is being destroyed waits for the lock in Remove and is no longer shared.
        std::shared_ptr<Connection> shared = connection->weak_from_this().lock();
        if (shared == nullptr) continue;
        due.push_back({std::move(shared), static_cast<Connection::Timer>(i)});
      }
    }
  }
  for (Due& item : due) {
    Connection& connection = *item.connection;
    connection.Post([item = std::move(item)] { item.connection->Expire(item.timer); });
  }
}

std::vector<std::shared_ptr<Connection>> Registry::All() const {
  std::vector<std::shared_ptr<Connection>> all;
  absl::MutexLock lock(&mutex_);
  all.reserve(open_.size());
  for (Connection* connection : open_) {
    if (auto shared = connection->weak_from_this().lock()) all.push_back(std::move(shared));
  }
  return all;
}

bool Registry::WaitUntilEmpty(absl::Duration timeout) const {
  absl::MutexLock lock(&mutex_);
  const auto empty = [this]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return open_.empty(); };
  return mutex_.AwaitWithTimeout(absl::Condition(&empty), timeout);
}

Connection::Connection(std::shared_ptr<Registry> registry, Tcp::socket socket, std::string address)
    : registry_(std::move(registry)),
      socket_(std::move(socket)),
      executor_(socket_.get_executor()),
      address_(std::move(address)) {
  for (auto& deadline : deadlines_) deadline.store(kNever, std::memory_order_relaxed);
  registry_->Add(this);
}

Connection::~Connection() { registry_->Remove(this); }

void Connection::Arm(Timer timer, absl::Duration timeout) {
  const int64_t deadline = absl::ToInt64Nanoseconds(registry_->clock_.Monotonic() + timeout);
  deadlines_[static_cast<size_t>(timer)].store(deadline, std::memory_order_relaxed);
}

void Connection::Disarm(Timer timer) {
  deadlines_[static_cast<size_t>(timer)].store(kNever, std::memory_order_relaxed);
}

void Connection::Expire(Timer timer) {
  // It may have been armed anew since the sweep.
  const size_t index = static_cast<size_t>(timer);
  const int64_t now = absl::ToInt64Nanoseconds(registry_->clock_.Monotonic());
  if (deadlines_[index].load(std::memory_order_relaxed) > now) return;
  Disarm(timer);
  expired_[index] = true;
  if (on_expired != nullptr) return on_expired(timer);
  if (timer == Timer::kCall) return wakeup_.Notify();
  Close();
}

void Connection::Drain() {
  if (on_drain != nullptr) on_drain();
}

void Connection::CloseIfIdle() {
  if (idle) Close();
}

void Connection::Close() {
  if (std::exchange(closed_, true)) return;
  for (auto& deadline : deadlines_) deadline.store(kNever, std::memory_order_relaxed);
  IoError ignored;
  socket_.close(ignored);
  wakeup_.Notify();
  if (on_close != nullptr) on_close();
}

int Connection::Release() {
  if (closed_ || !socket_.is_open()) return -1;
  IoError error;
  const int fd = socket_.release(error);
  closed_ = true;
  for (auto& deadline : deadlines_) deadline.store(kNever, std::memory_order_relaxed);
  return error ? -1 : fd;
}

}  // namespace heim
