// RawService is one service of the contract as gRPC sees it, filled from its descriptor: there is
// no code per method. Reflection and health find its name as if it had been generated. Owned by
// GrpcServer, outlives gRPC's server.
#pragma once

#include <deque>
#include <string>

#include "google/protobuf/descriptor.h"
#include "grpcpp/impl/codegen/service_type.h"
#include "server/rpc/grpc/front.h"
#include "server/rpc/method_table.h"

namespace heim {

class RawService final : public grpc::Service {
 public:
  // `methods` has all methods of `service`.
  RawService(const GrpcFront& front, const MethodTable& methods,
             const google::protobuf::ServiceDescriptor& service);

 private:
  void AddUnary(int index, const GrpcFront& front, const MethodInfo& method);
  void AddStream(int index, const GrpcFront& front, const MethodInfo& method);

  std::deque<std::string> names_;  // gRPC keeps pointers to them
};

}  // namespace heim
