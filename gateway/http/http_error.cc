#include "gateway/http/http_error.h"

#include "heim/v1/error.pb.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"

namespace heim {

absl::Status InvalidHttp(std::string_view what) {
  return MakeError(v1::ERROR_REASON_INVALID_HTTP, what);
}

absl::Status RouteNotFound() {
  return MakeError(v1::ERROR_REASON_ROUTE_NOT_FOUND, "No method is bound to this path");
}

absl::Status MethodNotAllowed(std::string_view method, std::string_view allow) {
  constexpr size_t kShownBytes = 16;
  return ErrorBuilder(
             v1::ERROR_REASON_METHOD_NOT_ALLOWED,
             StrCat("This path does not take ", Utf8Prefix(method, kShownBytes), ", but ", allow))
      .Detail("allow", allow)
      .Build();
}

}  // namespace heim
