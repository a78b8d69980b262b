// What gRPC metadata says of a call, as a CallContext, and what an answer says in its trailers.
// Pure functions on a call's own context; never block.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "grpcpp/server_context.h"
#include "server/rpc/invoker.h"

namespace heim {

// The client's address, from the peer's and what X-Forwarded-For says (which may be empty).
using ClientAddressOf =
    std::function<std::string(std::string_view peer, std::string_view forwarded_for)>;

// Takes authorization, heim-workspace, heim-client, idempotency-key, x-request-id and user-agent;
// ignores the rest. HEADER_TOO_LARGE beyond 8 KiB in all; INVALID_ARGUMENT for control characters
// and for what is given twice: the library lets both through.
absl::Status ReadMetadata(const grpc::CallbackServerContext& grpc_context,
                          const ClientAddressOf& client_address, CallContext* context);

// "ipv4:127.0.0.1:4711" is 127.0.0.1, "ipv6:%5B::1%5D:4711" is ::1; else empty.
std::string PeerAddress(std::string_view peer);

enum class RateTrailers { kWrite, kOmit };
// x-request-id and, once they are known, ratelimit-limit, -remaining and -reset.
void WriteTrailers(const CallContext& context, RateTrailers rate,
                   grpc::CallbackServerContext* grpc_context);

}  // namespace heim
