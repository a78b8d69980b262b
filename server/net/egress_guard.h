// EgressGuard decides where the server may be sent by somebody who does not operate it: it reads
// the address strictly, resolves the name once, and gives back the very addresses to connect to, or
// a refusal. Whoever connects takes these and never the name again. Thread-safe. Check blocks on
// the resolver; the rest never does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/net/ip_address.h"
#include "server/net/resolver.h"
#include "server/net/url.h"

namespace heim {

inline constexpr size_t kForeignUrlMaxBytes = 4096;
// A name with more addresses than this is refused, as a whole.
inline constexpr size_t kEgressAddressesMax = 64;

// An address from anybody: http or https, a host that is a name of ASCII letters or an IP address
// in its canonical form, no user name; no backslashes, spaces or controls anywhere. A fragment is
// left out; what must be escaped in the path and query is. INVALID_ARGUMENT.
absl::StatusOr<Url> ParseForeignUrl(std::string_view text);

// Where a Location header of an answer of `base` leads. INVALID_ARGUMENT as ParseForeignUrl.
absl::StatusOr<Url> ResolveLocation(const Url& base, std::string_view location);

// The whole address again.
std::string UrlText(const Url& url);

// Whether scheme, host and port are the same.
bool SameOrigin(const Url& a, const Url& b);

// What the operator allows beside the public internet.
struct EgressRules {
  std::vector<std::string> hosts;   // names that may have any address, in lower case
  std::vector<IpNetwork> networks;  // addresses that may be reached
  std::vector<uint16_t> ports = {80, 443};
};

// Reads "intranet.example, 10.1.0.0/16, fd00::/8" into hosts and networks. INVALID_ARGUMENT with
// the item that is neither.
absl::Status AddEgressAllow(std::string_view list, EgressRules* rules);

class EgressGuard {
 public:
  // `resolver` outlives the guard.
  EgressGuard(EgressRules rules, Resolver& resolver);

  // The addresses of the URL's host, each of which was checked. PERMISSION_DENIED when the port,
  // the name or any of the addresses is not allowed; the errors of Resolver.
  absl::StatusOr<std::vector<IpAddress>> Check(const Url& url, absl::Duration deadline) const;

 private:
  bool AllowsHost(const std::string& host) const;
  bool AllowsAddress(const IpAddress& address) const;

  const EgressRules rules_;
  Resolver& resolver_;
};

}  // namespace heim
