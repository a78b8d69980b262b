#include "gateway/http/http_error.h"

#include "server/base/strings.h"

namespace heim {
namespace {
absl::Status Make(absl::StatusCode code, std::string_view reason, std::string_view text) {
  absl::Status s(code, ToAbsl(text));
  s.SetPayload("r", absl::Cord(ToAbsl(reason)));
  return s;
}
}  // namespace

absl::Status InvalidHttp(std::string_view what) {
  return Make(absl::StatusCode::kInvalidArgument, "INVALID_HTTP", what);
}
absl::Status RouteNotFound() {
  return Make(absl::StatusCode::kNotFound, "ROUTE_NOT_FOUND", "No such route");
}
absl::Status MethodNotAllowed(std::string_view method, std::string_view allow) {
  return Make(absl::StatusCode::kUnimplemented, "METHOD_NOT_ALLOWED", StrCat(method, allow));
}

}  // namespace heim
