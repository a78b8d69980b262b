// Invoker runs every call of every front the same way: authenticate, scope, rate limit, validate,
// idempotency, handler, audit and metrics. Owned by app. Thread-safe. Never blocks its caller: the
// work runs on the Executor.
#pragma once

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "server/model/stream_call.h"
#include "server/rpc/method_table.h"
#include "server/service/call.h"

namespace heim {

class Invoker {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<google::protobuf::Message>>)>;
  using StreamOpened = absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<StreamCall>>)>;

  virtual ~Invoker() = default;

  virtual const MethodTable& methods() const = 0;

  // Runs a unary method. `done` is called exactly once, from any thread, possibly before this
  // returns. The answer may be abandoned by setting context->cancelled; `done` is still called.
  // Errors carry a reason (model/errors.h).
  virtual void Call(const MethodInfo& method, std::shared_ptr<CallContext> context,
                    std::unique_ptr<google::protobuf::Message> request, Done done) = 0;

  // Opens a streaming method; `first` is the request of a server stream, null otherwise (then each
  // message is validated as it is fed).
  virtual void Open(const MethodInfo& method, std::shared_ptr<CallContext> context,
                    std::unique_ptr<google::protobuf::Message> first, StreamOpened opened) = 0;

  // A fresh id for a call that brought none (or a bad one).
  virtual std::string NewRequestId() = 0;

  // Calls and streams under way.
  virtual size_t in_flight() const = 0;

  // New calls fail with DRAINING from now on.
  virtual void Drain() = 0;
};

}  // namespace heim
