#include "gateway/gateway.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "gateway/http/acceptor.h"
#include "gateway/http/front.h"
#include "gateway/http/http_limits.h"
#include "server/base/status_macros.h"

namespace heim {
namespace {

// How long connections get for their last words when the deadline has already passed.
constexpr absl::Duration kLastWords = absl::Milliseconds(500);

class BeastGateway final : public Gateway {
 public:
  BeastGateway(std::unique_ptr<Front> front, std::unique_ptr<Acceptor> acceptor)
      : front_(std::move(front)),
        acceptor_(std::move(acceptor)),
        work_(front_->registry->io().get_executor()),
        sweep_(front_->registry->io()) {}

  ~BeastGateway() override { Shutdown(absl::InfinitePast()); }

  void Start() {
    acceptor_->Start();
    Sweep();
    asio::io_context& io = front_->registry->io();
    for (int i = 0; i < std::max(1, front_->options.io_threads); ++i) {
      threads_.emplace_back([&io] { io.run(); });
    }
  }

  uint16_t port() const override { return acceptor_->port(); }
  size_t connection_count() const override { return front_->registry->size(); }
  void StopAccepting() override { acceptor_->Stop(); }
  void Shutdown(absl::Time deadline) override;

 private:
  void Sweep() {
    sweep_.expires_after(absl::ToChronoMilliseconds(kSweepInterval));
    sweep_.async_wait([this](IoError error) {
      if (error || stopping_) return;
      front_->registry->Sweep();
      CheckDrained();
      Sweep();
    });
  }

  void CheckDrained() {
    if (!front_->draining || front_->requests > 0) return;
    absl::MutexLock lock(&mutex_);
    drained_ = true;
  }

  std::unique_ptr<Front> front_;
  std::unique_ptr<Acceptor> acceptor_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer sweep_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_{false};
  bool shut_down_ = false;  // app's thread only
  absl::Mutex mutex_;
  bool drained_ ABSL_GUARDED_BY(mutex_) = false;
};

void BeastGateway::Shutdown(absl::Time deadline) {
  if (std::exchange(shut_down_, true)) return;
  Registry& registry = *front_->registry;
  const auto left = [this, deadline] {
    return std::max(deadline - front_->clock.Now(), kLastWords);
  };
  acceptor_->Stop();
  front_->draining = true;
  for (const auto& connection : registry.All()) {
    connection->Post([connection] { connection->CloseIfIdle(); });
  }
  {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&drained_), left());
  }
  for (const auto& connection : registry.All()) {
    connection->Post([connection] { connection->Drain(); });
  }
  registry.WaitUntilEmpty(std::min(left(), 2 * kLingerTimeout));
  for (const auto& connection : registry.All()) {
    connection->Post([connection] { connection->Close(); });
  }
  stopping_ = true;
  asio::post(registry.io(), [this] { sweep_.cancel(); });
  // With every socket closed the coroutines end, and with them the threads' work.
  work_.reset();
  for (std::thread& thread : threads_) thread.join();
  registry.SetStopped();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Gateway>> Gateway::Create(GatewayOptions options, Invoker& invoker,
                                                         Clock& clock) {
  HEIM_ASSIGN_OR_RETURN(auto front, Front::Create(std::move(options), invoker, clock));
  HEIM_ASSIGN_OR_RETURN(auto acceptor, Acceptor::Open(*front));
  auto gateway = std::make_unique<BeastGateway>(std::move(front), std::move(acceptor));
  gateway->Start();
  return gateway;
}

}  // namespace heim
