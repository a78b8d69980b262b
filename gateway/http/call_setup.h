// From a request's head to a CallContext: who calls, from where, how long it may take. Pure
// functions; any thread; never block.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/http/client_address.h"
#include "gateway/http/origin.h"
#include "gateway/http/request_head.h"
#include "server/rpc/invoker.h"

namespace heim {

inline constexpr std::string_view kSessionCookie = "heim_session";

struct Credentials {
  std::string bearer;
  bool from_cookie = false;
};

// Authorization: Bearer, else the session cookie. UNAUTHENTICATED for an Authorization of another
// kind.
absl::StatusOr<Credentials> FindCredentials(const RequestHead& head);

// The value of a cookie; empty when there is none.
std::string_view FindCookie(const RequestHead& head, std::string_view name);

// INVALID_ARGUMENT when the query carries a token: it would be kept in histories and logs.
absl::Status CheckNoTokenInQuery(std::string_view query);

// X-Request-Timeout ("5s", "500ms", or seconds) or Connect-Timeout-Ms; the default without one, the
// greatest when it asks for more. INVALID_ARGUMENT.
absl::StatusOr<absl::Duration> RequestTimeout(const RequestHead& head);

// If-Match: "<revision>"; nullopt without one or for "*". INVALID_ARGUMENT for other tags.
absl::StatusOr<std::optional<uint32_t>> RevisionOf(const RequestHead& head);

// The client's own X-Request-Id when it is fit for a log; else empty.
std::string RequestIdOf(const RequestHead& head);

// UNSUPPORTED_MEDIA_TYPE unless the body is declared as plain JSON in UTF-8.
absl::Status CheckJsonBody(const RequestHead& head);

// "application/json" of "Application/JSON; charset=utf-8".
std::string MediaType(std::string_view content_type);

// The client's address: the peer's, or what trusted proxies say in X-Forwarded-For.
std::string AddressOf(const RequestHead& head, const std::string& peer,
                      const AddressBlocks& trusted_proxies);

struct CallOrigin {
  std::string peer;
  const AddressBlocks* trusted_proxies;
  bool tls_in_front;
};

// Everything but credentials, deadline and if_match.
std::shared_ptr<CallContext> MakeContext(const RequestHead& head, const CallOrigin& origin);

// The Set-Cookie value that `cookie` asks for.
std::string FormatCookie(const SessionCookie& cookie, bool secure);

}  // namespace heim
