#include "server/rpc/server_invoker.h"

#include <algorithm>
#include <utility>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/scopes.h"
#include "server/rpc/guarded_stream.h"

namespace heim {
namespace {

using google::protobuf::Message;

// When the Executor is full.
constexpr absl::Duration kRecheckRetry = absl::Milliseconds(100);

// Every error that leaves here has a reason; the text of one that had none was logged.
absl::Status WithReason(const absl::Status& status) {
  if (ReasonOf(status) != v1::ERROR_REASON_UNSPECIFIED) return status;
  return MakeError(ShownReasonOf(status));
}

bool SkipsAuthentication(const v1::MethodPolicy& policy) {
  return policy.public_() && policy.rate_class() == v1::RATE_CLASS_AUTH;
}

}  // namespace

// A call until it is answered or opened; whoever claims it first answers it.
class ServerInvoker::Pending : public std::enable_shared_from_this<Pending> {
 public:
  Pending(ServerInvoker& invoker, const MethodPlan& plan, std::shared_ptr<CallContext> context,
          std::unique_ptr<Message> request)
      : invoker_(invoker),
        plan_(plan),
        context_(std::move(context)),
        request_(std::move(request)),
        started_(invoker.deps_.clock.Monotonic()) {
    plan_.metrics->Begin();
    invoker_.in_flight_.fetch_add(1, std::memory_order_relaxed);
  }
  virtual ~Pending() = default;

  // Runs the handler.
  virtual void Handle() = 0;
  // Answers with an error, unless somebody answered.
  virtual void Fail(const absl::Status& status) = 0;

  bool answered() const { return answered_.load(std::memory_order_relaxed); }
  void set_timer(Timers::Id timer) { timer_ = timer; }
  const MethodPlan& plan() const { return plan_; }
  const MethodInfo& method() const { return plan_.method; }
  CallContext& context() { return *context_; }
  Message* request() { return request_.get(); }

 protected:
  bool Claim() {
    if (answered_.exchange(true, std::memory_order_acq_rel)) return false;
    invoker_.deps_.timers.Cancel(timer_.exchange(0));
    return true;
  }
  // Whether a revocation came between authentication and now: later ones find what was opened.
  absl::Status Recheck() const { return invoker_.deps_.authenticator.Recheck(context_->caller); }
  // What every call or stream ends with, once.
  static void End(ServerInvoker& invoker, const MethodPlan& plan, const CallContext& context,
                  absl::Duration started, const absl::Status& status) {
    plan.metrics->End(context, status, invoker.deps_.clock.Monotonic() - started);
    if (absl::IsPermissionDenied(status) && !plan.method.policy.audit().empty() &&
        invoker.deps_.on_denied) {
      invoker.deps_.on_denied(context, status);
    }
    invoker.in_flight_.fetch_sub(1, std::memory_order_relaxed);
  }

  ServerInvoker& invoker_;
  const MethodPlan& plan_;
  const std::shared_ptr<CallContext> context_;
  const std::unique_ptr<Message> request_;
  const absl::Duration started_;

 private:
  std::atomic<bool> answered_{false};
  std::atomic<Timers::Id> timer_{0};
};

class ServerInvoker::UnaryCall final : public Pending {
 public:
  UnaryCall(ServerInvoker& invoker, const MethodPlan& plan, std::shared_ptr<CallContext> context,
            std::unique_ptr<Message> request, Done done)
      : Pending(invoker, plan, std::move(context), std::move(request)), done_(std::move(done)) {}

  void Handle() override {
    auto self = std::static_pointer_cast<UnaryCall>(shared_from_this());
    method().unary(*context_, *request_, [self](absl::StatusOr<std::unique_ptr<Message>> answer) {
      self->Answer(std::move(answer));
    });
    if (plan_.wait_ms == nullptr || answered()) return;
    const absl::Status holds = Recheck();
    if (!holds.ok()) Fail(holds);
  }
  void Fail(const absl::Status& status) override { Answer(status); }

 private:
  void Answer(absl::StatusOr<std::unique_ptr<Message>> answer) {
    if (!Claim()) return;
    End(invoker_, plan_, *context_, started_, answer.status());
    Done done = std::exchange(done_, nullptr);
    if (!answer.ok()) return done(WithReason(answer.status()));
    done(std::move(answer));
  }

  Done done_;
};

class ServerInvoker::StreamOpening final : public Pending {
 public:
  StreamOpening(ServerInvoker& invoker, const MethodPlan& plan,
                std::shared_ptr<CallContext> context, std::unique_ptr<Message> first,
                StreamOpened opened)
      : Pending(invoker, plan, std::move(context), std::move(first)), opened_(std::move(opened)) {}

  void Handle() override {
    if (method().client_stream != nullptr) return HandleFed();
    auto self = std::static_pointer_cast<StreamOpening>(shared_from_this());
    method().server_stream(*context_, *request_,
                           [self](absl::StatusOr<std::shared_ptr<FrameSource>> source) {
                             self->Opened(std::move(source));
                           });
  }
  void Fail(const absl::Status& status) override {
    if (Claim()) Refuse(status);
  }

 private:
  void HandleFed() {
    absl::StatusOr<std::shared_ptr<StreamCall>> call = method().client_stream(context_);
    if (!Claim()) {
      if (call.ok()) (*call)->Cancel();
      return;
    }
    if (!call.ok()) return Refuse(call.status());
    // What is served as a WebSocket answers a bad message in-band, and the hub ends it.
    if (!method().policy.websocket_path().empty()) {
      if (!StillHolds(**call)) return;
      return Accept(
          std::make_shared<GuardedStream>(*std::move(call), GuardedStream::Check::kNone, Ended()));
    }
    auto stream = std::make_shared<GuardedStream>(*std::move(call),
                                                  GuardedStream::Check::kEachMessage, Ended());
    if (method().policy.rate_class() == v1::RATE_CLASS_STREAM) stream->SetPace(Pace());
    invoker_.open_streams_.Add(stream, context_->caller);
    const absl::Status holds = Recheck();
    if (!holds.ok()) stream->Refuse(holds);
    Accept(std::move(stream));
  }

  void Opened(absl::StatusOr<std::shared_ptr<FrameSource>> source) {
    if (!Claim()) {
      if (source.ok()) (*source)->Cancel();
      return;
    }
    if (!source.ok()) return Refuse(source.status());
    if (!StillHolds(**source)) return;
    Accept(std::make_shared<GuardedStream>(*std::move(source), Ended()));
  }

  // Refuses what was opened for a credential that was revoked meanwhile. Handlers that open streams
  // answer from the Executor, so this may read.
  bool StillHolds(FrameSource& opened) {
    const absl::Status holds = Recheck();
    if (holds.ok()) return true;
    opened.Cancel();
    Refuse(holds);
    return false;
  }

  // Each message counts like a call. What comes too fast waits, which its sender feels by the
  // transport's flow control: the stream is not torn.
  GuardedStream::Pace Pace() {
    return {[&invoker = invoker_, context = context_, rate_class = method().policy.rate_class()] {
              return invoker.deps_.limits.TakeForStreamMessage(rate_class, context->caller);
            },
            &invoker_.deps_.timers};
  }

  GuardedStream::Ended Ended() {
    return [&invoker = invoker_, &plan = plan_, context = context_, started = started_](
               const absl::Status& status) { End(invoker, plan, *context, started, status); };
  }

  void Accept(std::shared_ptr<StreamCall> call) {
    context_->request = nullptr;  // it goes with this object, the stream stays
    std::exchange(opened_, nullptr)(std::move(call));
  }
  void Refuse(const absl::Status& status) {
    End(invoker_, plan_, *context_, started_, status);
    std::exchange(opened_, nullptr)(WithReason(status));
  }

  StreamOpened opened_;
};

ServerInvoker::ServerInvoker(Options options, const Dependencies& dependencies)
    : options_(options), deps_(dependencies) {
  for (const MethodInfo* method : deps_.methods.methods()) {
    plans_[method] = std::make_unique<MethodPlan>(*method, deps_.metrics);
  }
  deps_.authenticator.SetOnDrop([this](std::string_view credential_id, const ActorId& actor) {
    RecheckStreams(std::string(credential_id), actor);
  });
}

void ServerInvoker::RecheckStreams(const std::string& credential_id, const ActorId& actor) {
  const std::vector<OpenStreams::Open> open = open_streams_.Of(credential_id, actor);
  if (open.empty()) return;
  const bool posted = deps_.executor.TryPost([this, open] {
    for (const OpenStreams::Open& each : open) {
      const std::shared_ptr<GuardedStream> stream = each.stream.lock();
      if (stream == nullptr) continue;
      const absl::Status holds = deps_.authenticator.Recheck(each.caller);
      if (!holds.ok()) stream->Refuse(WithReason(holds));
    }
  });
  if (posted) return;
  deps_.timers.After(kRecheckRetry,
                     [this, credential_id, actor] { RecheckStreams(credential_id, actor); });
}

void ServerInvoker::Call(const MethodInfo& method, std::shared_ptr<CallContext> context,
                         std::unique_ptr<Message> request, Done done) {
  HEIM_CHECK(method.unary != nullptr && request != nullptr);
  Start(std::make_shared<UnaryCall>(*this, *plans_.at(&method), std::move(context),
                                    std::move(request), std::move(done)));
}

void ServerInvoker::Open(const MethodInfo& method, std::shared_ptr<CallContext> context,
                         std::unique_ptr<Message> first, StreamOpened opened) {
  HEIM_CHECK(method.client_stream != nullptr ||
             (method.server_stream != nullptr && first != nullptr));
  Start(std::make_shared<StreamOpening>(*this, *plans_.at(&method), std::move(context),
                                        std::move(first), std::move(opened)));
}

void ServerInvoker::Start(std::shared_ptr<Pending> pending) {
  CallContext& context = pending->context();
  if (!IsRequestId(context.request_id)) context.request_id = NewRequestId();
  context.method = pending->method().descriptor->full_name();
  if (const std::string& action = pending->method().policy.audit(); !action.empty()) {
    context.audit_action = action;
    context.request = pending->request();
    context.audit_salt = NewRequestId();
  }
  const ScopedRequestId scope(context.request_id);
  if (draining_.load(std::memory_order_relaxed)) {
    return pending->Fail(MakeError(v1::ERROR_REASON_DRAINING));
  }
  const absl::Time now = deps_.clock.Now();
  const absl::Time latest = std::min(
      context.deadline, now + pending->plan().TimeFor(pending->request(), options_.deadline));
  if (latest <= now) return pending->Fail(MakeError(v1::ERROR_REASON_TIMEOUT));
  pending->set_timer(deps_.timers.After(latest - now, [pending] {
    const ScopedRequestId late(pending->context().request_id);
    pending->Fail(MakeError(v1::ERROR_REASON_TIMEOUT));
  }));
  const bool posted = deps_.executor.TryPost([this, pending] {
    if (pending->answered()) return;
    const ScopedRequestId inner(pending->context().request_id);
    const absl::Status status = Prepare(*pending);
    if (!status.ok()) return pending->Fail(status);
    if (!pending->answered()) pending->Handle();
  });
  if (!posted) {
    pending->Fail(MakeError(v1::ERROR_REASON_OVERLOADED, "The server has too much to do"));
  }
}

absl::Status ServerInvoker::Prepare(Pending& pending) {
  CallContext& context = pending.context();
  const MethodInfo& method = pending.method();
  if (context.cancelled.load(std::memory_order_relaxed)) {
    return MakeError(v1::ERROR_REASON_CANCELLED);
  }
  context.channel_breaker = &deps_.limits;
  HEIM_RETURN_IF_ERROR(deps_.limits.TakeForAddress(context.address));
  const std::string workspace = pending.plan().WorkspaceOf(pending.request());
  if (!workspace.empty()) context.workspace_selector = workspace;
  HEIM_RETURN_IF_ERROR(FindCaller(method, context));
  if (context.caller.authenticated()) {
    for (const std::string& scope : method.policy.scopes()) {
      if (!HasScope(context.caller.scopes, scope)) return MissingScope(scope);
    }
  }
  HEIM_RETURN_IF_ERROR(deps_.limits.TakeForCall(method.policy.rate_class(), context));
  if (pending.request() == nullptr) return absl::OkStatus();
  return CheckRequest(pending.plan(), context, *pending.request());
}

absl::Status ServerInvoker::FindCaller(const MethodInfo& method, CallContext& context) {
  if (context.caller_known) {
    if (context.caller.expires_at > deps_.clock.Now()) return absl::OkStatus();
    return MakeError(v1::ERROR_REASON_TOKEN_EXPIRED);
  }
  if (SkipsAuthentication(method.policy)) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(context.caller,
                        deps_.authenticator.Authenticate(
                            {context.bearer, context.workspace_selector, context.allow_ticket}));
  if (!context.caller.authenticated() && !method.policy.public_()) {
    return Unauthenticated("The call needs a credential");
  }
  return absl::OkStatus();
}

}  // namespace heim
