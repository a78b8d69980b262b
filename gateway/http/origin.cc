#include "gateway/http/origin.h"

#include <algorithm>

#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"

namespace heim {
namespace {

constexpr std::string_view kExposed =
    "X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, ETag";
constexpr std::string_view kAllowedHeaders =
    "Authorization, Content-Type, Content-Disposition, Idempotency-Key, If-Match, If-None-Match, "
    "Range, Last-Event-ID, Prefer, Heim-Workspace, Heim-Client, X-Request-Id, X-Request-Timeout, "
    "X-Heim-CSRF, Connect-Protocol-Version, Connect-Timeout-Ms";

std::string_view WithoutPort(std::string_view host, std::string_view port) {
  return EndsWith(host, port) ? host.substr(0, host.size() - port.size()) : host;
}

}  // namespace

bool IsSafeMethod(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

OriginPolicy::OriginPolicy(Options options) : tls_in_front_(options.tls_in_front) {
  for (std::string& origin : options.allowed) {
    if (origin == "*") {
      any_ = true;
    } else {
      if (EndsWith(origin, "/")) origin.pop_back();
      listed_.push_back(AsciiLower(origin));
    }
  }
}

bool OriginPolicy::IsSameOrigin(std::string_view origin, std::string_view host) const {
  const bool tls = StartsWithIgnoreCase(origin, "https://");
  if (!tls && (tls_in_front_ || !StartsWithIgnoreCase(origin, "http://"))) return false;
  const std::string_view port = tls ? ":443" : ":80";
  const std::string_view named = origin.substr(origin.find("//") + 2);
  return !host.empty() && EqualsIgnoreCase(WithoutPort(named, port), WithoutPort(host, port));
}

bool OriginPolicy::IsListed(std::string_view origin) const {
  return std::find(listed_.begin(), listed_.end(), AsciiLower(origin)) != listed_.end();
}

absl::Status OriginPolicy::CheckCookieCall(const RequestHead& head) const {
  if (IsSafeMethod(head.method)) return absl::OkStatus();
  const std::string_view origin = head.Get("Origin");
  const std::string_view site = head.Get("Sec-Fetch-Site");
  const bool named = !origin.empty() || !site.empty();
  const bool same = (origin.empty() || IsSameOrigin(origin, head.Get("Host"))) &&
                    (site.empty() || site == "same-origin");
  if (named && same && head.Has("X-Heim-CSRF")) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_CSRF_FAILED,
                   "A change by cookie needs a same-origin Origin and the X-Heim-CSRF header");
}

absl::Status OriginPolicy::CheckCookieSocket(const RequestHead& head) const {
  const std::string_view origin = head.Get("Origin");
  if (IsSameOrigin(origin, head.Get("Host")) || IsListed(origin)) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_PERMISSION_DENIED,
                   "A WebSocket by cookie needs an Origin of this server or an allowed one");
}

void OriginPolicy::AddCors(const RequestHead& head, HttpResponse* response) const {
  if (!any_ && listed_.empty()) return;
  const std::string_view origin = head.Get("Origin");
  response->Add("Vary", "Origin");
  if (origin.empty()) return;
  if (IsListed(origin)) {
    response->Add("Access-Control-Allow-Origin", origin);
    response->Add("Access-Control-Allow-Credentials", "true");
  } else if (any_) {
    response->Add("Access-Control-Allow-Origin", "*");
  } else {
    return;
  }
  response->Add("Access-Control-Expose-Headers", kExposed);
}

HttpResponse OriginPolicy::Preflight(const RequestHead& head, std::string_view allow) const {
  HttpResponse response;
  response.status = 204;
  if (!allow.empty()) response.Add("Allow", allow);
  const std::string_view origin = head.Get("Origin");
  const bool asked = head.Has("Access-Control-Request-Method");
  if (asked && (IsListed(origin) || (any_ && !origin.empty()))) {
    response.Add("Access-Control-Allow-Methods", allow);
    response.Add("Access-Control-Allow-Headers", kAllowedHeaders);
    response.Add("Access-Control-Max-Age", "600");
  }
  return response;
}

}  // namespace heim
