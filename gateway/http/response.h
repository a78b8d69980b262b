// An HTTP answer before it goes out, and errors in the form of the contract. Values and pure
// functions; any thread; never block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "gateway/http/request_head.h"

namespace heim {

struct HttpResponse {
  int status = 200;
  std::vector<HeaderField> headers;
  std::string body;

  // A value with control characters (only outside data could bring one) is left out.
  void Add(std::string_view name, std::string_view value);
  // Takes the place of fields of that name.
  void Set(std::string_view name, std::string_view value);
};

// JSON with `Cache-Control: no-store`.
HttpResponse JsonResponse(int status, std::string body);
HttpResponse TextResponse(int status, std::string body);
// {"error":{…}} with the status, Retry-After and WWW-Authenticate that go with it.
HttpResponse ErrorResponse(const absl::Status& error, std::string_view request_id);
// The same as a Connect client reads it: {"code","message","details"}.
HttpResponse ConnectErrorResponse(const absl::Status& error, std::string_view request_id);

// Status line and header fields with the empty line; Content-Length when `length` is given.
std::string SerializeHead(const HttpResponse& response, std::optional<uint64_t> length);

std::string_view ReasonPhrase(int status);

}  // namespace heim
