// Which web pages may call: same origin, CORS, and what a cookie needs. Pure functions over the
// request; any thread; never block.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "gateway/http/request_head.h"
#include "gateway/http/response.h"

namespace heim {

class OriginPolicy {
 public:
  struct Options {
    std::vector<std::string> allowed;  // origins, or "*"
    bool tls_in_front = false;
  };
  explicit OriginPolicy(Options options);

  // Whether `origin` names the server that `host` names; https only when TLS stands in front.
  bool IsSameOrigin(std::string_view origin, std::string_view host) const;
  // Listed by name. "*" does not count: it never covers cookies.
  bool IsListed(std::string_view origin) const;

  // CSRF_FAILED unless an unsafe method by cookie comes from a page of our own and carries
  // X-Heim-CSRF, which no form can send.
  absl::Status CheckCookieCall(const RequestHead& head) const;
  // Whether a WebSocket by cookie comes from a page of our own or a listed one. PERMISSION_DENIED.
  absl::Status CheckCookieSocket(const RequestHead& head) const;

  // Adds the CORS fields that the request's Origin has a right to.
  void AddCors(const RequestHead& head, HttpResponse* response) const;
  // The answer to a preflight.
  HttpResponse Preflight(const RequestHead& head, std::string_view allow) const;

 private:
  std::vector<std::string> listed_;
  bool any_ = false;
  bool tls_in_front_;
};

bool IsSafeMethod(std::string_view method);

}  // namespace heim
