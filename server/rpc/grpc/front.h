// What every call of the gRPC front works with. Owned by GrpcServer; outlives the calls.
#pragma once

#include "server/base/timers.h"
#include "server/rpc/grpc/metadata.h"
#include "server/rpc/grpc/stream_pump.h"
#include "server/rpc/invoker.h"

namespace heim {

struct GrpcFront {
  Invoker& invoker;
  Timers& timers;
  StreamPump& pump;
  ClientAddressOf client_address;
};

}  // namespace heim
