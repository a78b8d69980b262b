// Front is what all connections of a gateway share: options, routes, the documents made at
// start-up, who is connected. Owned by the gateway, outlives its connections. Read-only after
// Create but for the counters and the registry, which are thread-safe; never blocks.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "gateway/gateway.h"
#include "gateway/http/client_address.h"
#include "gateway/http/connection.h"
#include "gateway/http/origin.h"
#include "gateway/http/route_trie.h"
#include "server/base/clock.h"
#include "server/rpc/invoker.h"

namespace heim {

struct Front {
  // FAILED_PRECONDITION on ambiguous or unservable bindings, INVALID_ARGUMENT on a bad proxy.
  static absl::StatusOr<std::unique_ptr<Front>> Create(GatewayOptions options, Invoker& invoker,
                                                       Clock& clock);

  Front(GatewayOptions given, Invoker& with, Clock& by);

  GatewayOptions options;
  Invoker& invoker;
  Clock& clock;
  const std::shared_ptr<Registry> registry;
  OriginPolicy origins;
  AddressBlocks proxies;
  std::unique_ptr<RouteTrie> routes;
  absl::flat_hash_map<const google::protobuf::MethodDescriptor*, const MethodInfo*> methods;
  // Path to the method that is served there as a WebSocket.
  std::map<std::string, const MethodInfo*, std::less<>> sockets;
  std::string openapi;

  std::atomic<bool> draining{false};
  // Requests under way, without streams of events and WebSockets.
  std::atomic<size_t> requests{0};
};

}  // namespace heim
