// ServerInvoker is the Invoker of the server. In this order: request id, draining, rate of the
// address, authentication, scopes, rate of the caller, validation, idempotency key, handler. What
// stays open or waits has its credential checked again once it stands, so that a revocation
// meanwhile ends it like any later one. A workspace is not asked for here: the rows of the
// handler's transaction say whether the caller is in it. Owned by app, destroyed after Executor and
// Timers have stopped. Thread-safe. Never blocks its caller; `done` and `opened` come from the
// Executor, a committer's thread, the timer's or the caller's own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "server/auth/authenticator.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/ids.h"
#include "server/base/timers.h"
#include "server/model/limits.h"
#include "server/rpc/call_limits.h"
#include "server/rpc/invoker.h"
#include "server/rpc/method_plan.h"
#include "server/rpc/metrics.h"
#include "server/rpc/open_streams.h"

namespace heim {

class ServerInvoker final : public Invoker {
 public:
  struct Options {
    absl::Duration deadline = kDeadlineDefault;  // of unary calls and of the opening of streams
  };
  struct Dependencies {
    const MethodTable& methods;  // may still be bound after this was made
    Authenticator& authenticator;
    Executor& executor;
    CallLimits& limits;
    Clock& clock;
    Timers& timers;
    Ids& ids;
    Metrics& metrics;
    // Hears of each call of an audited method that was refused by PERMISSION_DENIED. From any
    // thread; must not block.
    std::function<void(const CallContext&, const absl::Status&)> on_denied = {};
  };

  ServerInvoker(Options options, const Dependencies& dependencies);

  const MethodTable& methods() const override { return deps_.methods; }
  void Call(const MethodInfo& method, std::shared_ptr<CallContext> context,
            std::unique_ptr<google::protobuf::Message> request, Done done) override;
  void Open(const MethodInfo& method, std::shared_ptr<CallContext> context,
            std::unique_ptr<google::protobuf::Message> first, StreamOpened opened) override;
  std::string NewRequestId() override { return deps_.ids.NewId(); }
  size_t in_flight() const override { return in_flight_.load(std::memory_order_relaxed); }
  void Drain() override { draining_.store(true, std::memory_order_relaxed); }

 private:
  class Pending;
  class UnaryCall;
  class StreamOpening;

  // Takes the call to the Executor.
  void Start(std::shared_ptr<Pending> pending);
  // All that comes before the handler. Blocks on a read of the store at most.
  absl::Status Prepare(Pending& pending);
  absl::Status FindCaller(const MethodInfo& method, CallContext& context);
  // Ends the fed streams of a dropped credential or actor, unless the credential still holds.
  void RecheckStreams(const std::string& credential_id, const ActorId& actor);

  const Options options_;
  const Dependencies deps_;
  absl::flat_hash_map<const MethodInfo*, std::unique_ptr<MethodPlan>> plans_;
  OpenStreams open_streams_;
  std::atomic<size_t> in_flight_{0};
  std::atomic<bool> draining_{false};
};

}  // namespace heim
