// Connection is one accepted socket with its deadlines. Shared by the coroutines that serve it;
// Registry knows all that are open and closes those that run out of time. Everything but Arm,
// Disarm, address and Post is for the connection's strand; nothing blocks.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/http/net.h"
#include "gateway/http/wakeup.h"
#include "server/base/clock.h"

namespace heim {

class Connection;

// Registry counts the open connections and finds expired deadlines. Owned by the gateway, outlives
// its connections. Thread-safe.
class Registry {
 public:
  explicit Registry(Clock& clock) : clock_(clock) {}

  Clock& clock() { return clock_; }
  size_t size() const;
  size_t CountOf(const std::string& address) const;

  // Tells each connection, on its strand, which of its deadlines has passed.
  void Sweep();
  std::vector<std::shared_ptr<Connection>> All() const;
  // False when some are still open after `timeout`. Blocks.
  bool WaitUntilEmpty(absl::Duration timeout) const;

 private:
  friend class Connection;
  void Add(Connection* connection);
  void Remove(Connection* connection);

  Clock& clock_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_set<Connection*> open_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, size_t> by_address_ ABSL_GUARDED_BY(mutex_);
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  enum class Timer { kRead, kWrite, kCall };

  Connection(Registry& registry, Tcp::socket socket, std::string address);
  ~Connection();

  Tcp::socket& socket() { return socket_; }
  // The peer's, not what a proxy says.
  const std::string& address() const { return address_; }
  // What was read and not used yet.
  std::string& unread() { return unread_; }
  Wakeup& wakeup() { return wakeup_; }

  void Arm(Timer timer, absl::Duration timeout);
  void Disarm(Timer timer);
  bool expired(Timer timer) const { return expired_[static_cast<size_t>(timer)]; }
  void ClearExpired(Timer timer) { expired_[static_cast<size_t>(timer)] = false; }

  // Runs `work` on the strand. Any thread.
  template <typename Work>
  void Post(Work work) {
    asio::post(socket_.get_executor(), std::move(work));
  }

  // Whoever serves the connection replaces these; all run on the strand. By default an expired
  // kCall only wakes, the others close; draining closes an idle one; closing only wakes.
  std::function<void(Timer)> on_expired;
  std::function<void()> on_drain;
  std::function<void()> on_close;

  // Whether nothing but the next request is waited for: draining closes it then.
  bool idle = false;

  bool closed() const { return closed_; }
  // Idempotent.
  void Close();
  void Expire(Timer timer);
  void Drain();

  // Gives the socket away: the descriptor, or -1. The connection counts as closed.
  int Release();

 private:
  friend class Registry;
  static constexpr size_t kTimers = 3;

  Registry& registry_;
  Tcp::socket socket_;
  const std::string address_;
  std::string unread_;
  Wakeup wakeup_;
  // Monotonic nanoseconds; the maximum means none.
  std::array<std::atomic<int64_t>, kTimers> deadlines_;
  std::array<bool, kTimers> expired_ = {};
  bool closed_ = false;
};

}  // namespace heim
