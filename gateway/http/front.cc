#include "gateway/http/front.h"

#include <utility>
#include <vector>

#include "gateway/http/http_rule.h"
#include "gateway/openapi/openapi.h"
#include "heim/v1/event_service.pb.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {

Front::Front(GatewayOptions given, Invoker& with, Clock& by)
    : options(std::move(given)),
      invoker(with),
      clock(by),
      registry(std::make_shared<Registry>(by)),
      origins({options.cors_origins, options.tls_in_front}) {}

absl::StatusOr<std::unique_ptr<Front>> Front::Create(GatewayOptions options, Invoker& invoker,
                                                     Clock& clock) {
  auto front = std::make_unique<Front>(std::move(options), invoker, clock);
  HEIM_ASSIGN_OR_RETURN(front->proxies, AddressBlocks::Parse(front->options.trusted_proxies));
  std::vector<const google::protobuf::MethodDescriptor*> descriptors;
  for (const MethodInfo* method : invoker.methods().methods()) {
    descriptors.push_back(method->descriptor);
    front->methods[method->descriptor] = method;
    if (method->policy.websocket_path().empty()) continue;
    // The text frames of a socket are commands of a session.
    if (method->descriptor->input_type() != v1::SessionRequest::descriptor()) {
      return absl::FailedPreconditionError(StrCat(
          method->descriptor->full_name(), " has a websocket_path but takes no SessionRequest"));
    }
    front->sockets[method->policy.websocket_path()] = method;
  }
  HEIM_ASSIGN_OR_RETURN(auto bindings, ReadHttpBindings(descriptors));
  HEIM_ASSIGN_OR_RETURN(front->routes, RouteTrie::Create(std::move(bindings)));
  HEIM_ASSIGN_OR_RETURN(front->openapi, BuildOpenApi(front->options.version));
  return front;
}

}  // namespace heim
