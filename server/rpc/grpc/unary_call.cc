#include "server/rpc/grpc/unary_call.h"

#include <memory>
#include <utility>

#include "server/model/errors.h"
#include "server/rpc/grpc/messages.h"
#include "server/rpc/method_plan.h"

namespace heim {
namespace {

// Inlineable, which saves a hop per call (5 of 20 µs). Its price: OnDone may run inside Finish, so
// nothing is touched after Finish and no lock is held over it.
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(grpc::CallbackServerContext* grpc_context, grpc::ByteBuffer* response)
      : grpc_context_(grpc_context), response_(response) {}

  // OnDone cannot come before our Finish, and the Invoker answers exactly once: `this` is safe in
  // the continuation.
  void Start(const GrpcFront& front, const MethodInfo& method, const grpc::ByteBuffer& request) {
    const absl::Status status = ReadMetadata(*grpc_context_, front.client_address, context_.get());
    if (!IsRequestId(context_->request_id)) context_->request_id = front.invoker.NewRequestId();
    if (!status.ok()) return Answer(status);
    auto message = ParseMessage(*method.request_prototype, request);
    if (!message.ok()) return Answer(message.status());
    front.invoker.Call(method, context_, *std::move(message),
                       [this](absl::StatusOr<std::unique_ptr<google::protobuf::Message>> answer) {
                         Answer(std::move(answer));
                       });
  }

  bool InternalInlineable() override { return true; }
  void OnCancel() override { context_->cancelled.store(true, std::memory_order_relaxed); }
  void OnDone() override { delete this; }

 private:
  void Answer(absl::StatusOr<std::unique_ptr<google::protobuf::Message>> answer) {
    const bool late = ReasonOf(answer.status()) == v1::ERROR_REASON_TIMEOUT;
    WriteTrailers(*context_, late ? RateTrailers::kOmit : RateTrailers::kWrite, grpc_context_);
    if (answer.ok()) *response_ = SerializeMessage(**answer);
    Finish(ToGrpcStatus(answer.status(), context_->request_id));
  }

  grpc::CallbackServerContext* const grpc_context_;
  grpc::ByteBuffer* const response_;
  const std::shared_ptr<CallContext> context_ = std::make_shared<CallContext>();
};

}  // namespace

grpc::ServerUnaryReactor* StartUnaryCall(const GrpcFront& front, const MethodInfo& method,
                                         grpc::CallbackServerContext* grpc_context,
                                         const grpc::ByteBuffer& request,
                                         grpc::ByteBuffer* response) {
  auto* call = new UnaryCall(grpc_context, response);
  call->Start(front, method, request);
  return call;
}

}  // namespace heim
