#include "server/rpc/grpc/raw_service.h"

#include "grpcpp/impl/codegen/server_callback_handlers.h"
#include "grpcpp/impl/rpc_method.h"
#include "grpcpp/impl/rpc_service_method.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/check.h"
#include "server/base/strings.h"
#include "server/rpc/grpc/stream_reactor.h"
#include "server/rpc/grpc/unary_call.h"

namespace heim {

using grpc::ByteBuffer;
using grpc::CallbackServerContext;
using grpc::internal::RpcMethod;
using grpc::internal::RpcServiceMethod;

RawService::RawService(const GrpcFront& front, const MethodTable& methods,
                       const google::protobuf::ServiceDescriptor& service) {
  for (int i = 0; i < service.method_count(); ++i) {
    const MethodInfo* method = methods.Find(service.method(i)->full_name());
    HEIM_CHECK(method != nullptr);
    names_.push_back(StrCat("/", service.full_name(), "/", service.method(i)->name()));
    if (method->client_streaming() || method->server_streaming()) {
      AddStream(i, front, *method);
    } else {
      AddUnary(i, front, *method);
    }
  }
}

void RawService::AddUnary(int index, const GrpcFront& front, const MethodInfo& method) {
  AddMethod(new RpcServiceMethod(names_.back().c_str(), RpcMethod::NORMAL_RPC, nullptr));
  MarkMethodRawCallback(
      index, new grpc::internal::CallbackUnaryHandler<ByteBuffer, ByteBuffer>(
                 [&front, &method](CallbackServerContext* context, const ByteBuffer* request,
                                   ByteBuffer* response) {
                   return StartUnaryCall(front, method, context, *request, response);
                 }));
}

void RawService::AddStream(int index, const GrpcFront& front, const MethodInfo& method) {
  AddMethod(new RpcServiceMethod(names_.back().c_str(), RpcMethod::BIDI_STREAMING, nullptr));
  MarkMethodRawCallback(index, new grpc::internal::CallbackBidiHandler<ByteBuffer, ByteBuffer>(
                                   [&front, &method](CallbackServerContext* context)
                                       -> grpc::ServerBidiReactor<ByteBuffer, ByteBuffer>* {
                                     return StreamReactor::Start(front, method, context);
                                   }));
}

}  // namespace heim
