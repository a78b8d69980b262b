// A unary call of any method: bytes in, Invoker, bytes out. The reactor owns itself until OnDone.
#pragma once

#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/rpc/grpc/front.h"
#include "server/rpc/method_table.h"

namespace heim {

grpc::ServerUnaryReactor* StartUnaryCall(const GrpcFront& front, const MethodInfo& method,
                                         grpc::CallbackServerContext* grpc_context,
                                         const grpc::ByteBuffer& request,
                                         grpc::ByteBuffer* response);

}  // namespace heim
