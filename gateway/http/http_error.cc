#include "gateway/http/http_error.h"

#include "server/base/strings.h"

namespace heim {

absl::Status InvalidHttp(std::string_view what) { return absl::InvalidArgumentError(ToAbsl(what)); }
absl::Status RouteNotFound() { return absl::NotFoundError("x"); }
absl::Status MethodNotAllowed(std::string_view method, std::string_view allow) {
  return absl::UnimplementedError(StrCat(method, allow));
}

}  // namespace heim
