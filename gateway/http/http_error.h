// What can be wrong with an HTTP request before its method runs, as statuses with a reason. Pure
// functions; any thread; never block.
#pragma once

#include <string_view>

#include "absl/status/status.h"

namespace heim {

// INVALID_HTTP; `what` is a whole sentence without its full stop.
absl::Status InvalidHttp(std::string_view what);
// ROUTE_NOT_FOUND.
absl::Status RouteNotFound();
// METHOD_NOT_ALLOWED; `allow` is the Allow header.
absl::Status MethodNotAllowed(std::string_view method, std::string_view allow);

}  // namespace heim
