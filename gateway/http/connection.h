// Connection is one accepted socket with its deadlines. Shared by the coroutines that serve it;
// Registry knows all that are open and closes those that run out of time. Everything but Arm,
// Disarm, address and Post is for the connection's strand; nothing blocks.
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
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

// Registry holds the event loop, counts the open connections and finds expired deadlines. Shared by
// the gateway and its connections, so that an answer that comes after the gateway's end finds both.
// Thread-safe.
class Registry {
 public:
  explicit Registry(Clock& clock) : clock_(clock) {}

  asio::io_context& io() { return io_; }
  // The event loop runs no more: what is posted is dropped.
  void SetStopped() { stopped_ = true; }
  bool stopped() const { return stopped_; }

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

  asio::io_context io_;
  Clock& clock_;
  std::atomic<bool> stopped_{false};
  mutable absl::Mutex mutex_;
  absl::flat_hash_set<Connection*> open_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, size_t> by_address_ ABSL_GUARDED_BY(mutex_);
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  enum class Timer { kRead, kWrite, kCall };

  Connection(std::shared_ptr<Registry> registry, Tcp::socket socket, std::string address);
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
    if (!registry_->stopped()) asio::post(executor_, std::move(work));
  }

  // Whoever serves the connection sets these; all run on the strand. By default an expired kCall
  // only wakes, the others close; draining does nothing; closing only wakes.
  std::function<void(Timer)> on_expired;
  std::function<void()> on_drain;
  std::function<void()> on_close;

  // Whether nothing but the next request is waited for.
  bool idle = false;

  bool closed() const { return closed_; }
  // Idempotent.
  void Close();
  void Expire(Timer timer);
  void CloseIfIdle();
  // Ends what is long-lived.
  void Drain();

  // Gives the socket away: the descriptor, or -1. The connection counts as closed.
  int Release();

 private:
  friend class Registry;
  static constexpr size_t kTimers = 3;

  const std::shared_ptr<Registry> registry_;
  Tcp::socket socket_;
  const asio::any_io_executor executor_;
  const std::string address_;
  std::string unread_;
  Wakeup wakeup_;
  // Monotonic nanoseconds; the maximum means none.
  std::array<std::atomic<int64_t>, kTimers> deadlines_;
  std::array<bool, kTimers> expired_ = {};
  bool closed_ = false;
};

}  // namespace heim
