#include "server/net/egress_guard.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"

namespace heim {
namespace {

constexpr size_t kNameMaxBytes = 253;
constexpr size_t kLabelMaxBytes = 63;

// Names that never are somebody's on the internet, also when a resolver has an answer for them.
constexpr std::string_view kInnerNames[] = {"localhost", "local", "internal",
                                            "home.arpa", "onion", "invalid"};

absl::Status NotForeign(std::string_view why) {
  return absl::InvalidArgumentError(StrCat("not an address: ", why));
}

absl::Status Refused(std::string_view why) {
  return absl::PermissionDeniedError(StrCat("the address is refused: ", why));
}

bool IsWordByte(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Whatever ends in a number some library takes for an IPv4 address: 127.1, 0177.0.0.1, 0x7f.1.
bool EndsInNumber(std::string_view host) {
  const size_t dot = host.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? host : host.substr(dot + 1);
  if (StartsWith(last, "0x")) return true;
  return std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; });
}

absl::Status CheckLabel(std::string_view label) {
  if (label.empty() || label.size() > kLabelMaxBytes) return NotForeign("the host is no name");
  if (label.front() == '-' || label.back() == '-') return NotForeign("the host is no name");
  for (const char c : label) {
    if (!IsWordByte(c) && c != '-' && c != '_') return NotForeign("the host is no name");
  }
  return absl::OkStatus();
}

// An IP address in its canonical form, or a name.
absl::Status CheckHost(const std::string& host) {
  if (host.find(':') != std::string::npos || EndsInNumber(host)) {
    if (!ParseIpAddress(host).has_value()) return NotForeign("the host is no IP address");
    return absl::OkStatus();
  }
  if (host.size() > kNameMaxBytes) return NotForeign("the host is too long");
  std::string_view rest = host;
  while (true) {
    const size_t dot = rest.find('.');
    HEIM_RETURN_IF_ERROR(CheckLabel(rest.substr(0, dot)));
    if (dot == std::string_view::npos) return absl::OkStatus();
    rest.remove_prefix(dot + 1);
  }
}

// What a path may not hold as it is, but people write.
bool IsEscaped(char c) {
  return static_cast<unsigned char>(c) >= 0x80 || c == '"' || c == '<' || c == '>' || c == '`' ||
         c == '{' || c == '}' || c == '|' || c == '^';
}

std::string Escaped(std::string_view target) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : target) {
    if (!IsEscaped(c)) {
      out.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
  }
  return out;
}

// Removes "." and ".." from a path, as RFC 3986 5.2.4 does.
std::string WithoutDots(std::string_view path) {
  std::vector<std::string_view> kept;
  bool open = false;  // ends as a directory
  for (size_t at = 1; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string_view part = path.substr(at, end - at);
    open = part == "." || part == "..";
    if (part == ".." && !kept.empty()) kept.pop_back();
    if (!open) kept.push_back(part);
    at = end + 1;
  }
  std::string out;
  for (const std::string_view part : kept) StrAppend(&out, "/", part);
  if (open || out.empty()) out.push_back('/');
  return out;
}

bool HasScheme(std::string_view text) {
  const size_t colon = text.find(':');
  return colon != std::string_view::npos && colon < text.find_first_of("/?#");
}

}  // namespace

absl::StatusOr<Url> ParseForeignUrl(std::string_view text) {
  if (text.size() > kForeignUrlMaxBytes) return NotForeign("it is too long");
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == '\\') {
      return NotForeign("it has a character that none has");
    }
  }
  text = text.substr(0, text.find('#'));
  const size_t slashes = text.find("://");
  if (slashes == std::string_view::npos) return NotForeign("it has no scheme");
  const size_t end = std::min(text.find_first_of("/?", slashes + 3), text.size());
  const std::string escaped = StrCat(text.substr(0, end), Escaped(text.substr(end)));
  HEIM_ASSIGN_OR_RETURN(Url url, ParseUrl(escaped));
  HEIM_RETURN_IF_ERROR(CheckHost(url.host));
  return url;
}

absl::StatusOr<Url> ResolveLocation(const Url& base, std::string_view location) {
  if (location.size() > kForeignUrlMaxBytes) return NotForeign("it is too long");
  if (HasScheme(location)) return ParseForeignUrl(location);
  location = location.substr(0, location.find('#'));
  const std::string scheme = base.tls ? "https:" : "http:";
  if (StartsWith(location, "//")) return ParseForeignUrl(StrCat(scheme, location));
  const std::string origin = StrCat(scheme, "//", base.Authority());
  const std::string_view path = std::string_view(base.target).substr(0, base.target.find('?'));
  if (location.empty()) return ParseForeignUrl(StrCat(origin, base.target));
  if (location.front() == '?') return ParseForeignUrl(StrCat(origin, path, location));
  const size_t query = std::min(location.find('?'), location.size());
  std::string to(location.substr(0, query));
  if (to.front() != '/') to = StrCat(path.substr(0, path.rfind('/') + 1), to);
  return ParseForeignUrl(StrCat(origin, WithoutDots(to), location.substr(query)));
}

std::string UrlText(const Url& url) {
  return StrCat(url.tls ? "https://" : "http://", url.Authority(), url.target);
}

bool SameOrigin(const Url& a, const Url& b) {
  return a.tls == b.tls && a.host == b.host && a.port == b.port;
}

absl::Status AddEgressAllow(std::string_view list, EgressRules* rules) {
  for (const absl::string_view piece : absl::StrSplit(ToAbsl(list), ',', absl::SkipWhitespace())) {
    const std::string item = AsciiLower(ToStd(absl::StripAsciiWhitespace(piece)));
    if (const auto network = ParseIpNetwork(item); network.has_value()) {
      rules->networks.push_back(*network);
    } else if (CheckHost(item).ok()) {
      rules->hosts.push_back(item);
    } else {
      return absl::InvalidArgumentError(
          StrCat(item, ": is neither a host's name nor a network such as 10.0.0.0/8"));
    }
  }
  return absl::OkStatus();
}

EgressGuard::EgressGuard(EgressRules rules, Resolver& resolver)
    : rules_(std::move(rules)), resolver_(resolver) {}

bool EgressGuard::AllowsHost(const std::string& host) const {
  return std::find(rules_.hosts.begin(), rules_.hosts.end(), host) != rules_.hosts.end();
}

bool EgressGuard::AllowsAddress(const IpAddress& address) const {
  return IsPublicAddress(address) ||
         std::any_of(rules_.networks.begin(), rules_.networks.end(),
                     [&](const IpNetwork& network) { return network.Contains(address); });
}

absl::StatusOr<std::vector<IpAddress>> EgressGuard::Check(const Url& url,
                                                          absl::Duration deadline) const {
  HEIM_RETURN_IF_ERROR(CheckHost(url.host));
  if (std::find(rules_.ports.begin(), rules_.ports.end(), url.port) == rules_.ports.end()) {
    return Refused("its port is not one of those allowed");
  }
  const bool any = AllowsHost(url.host);
  if (const auto literal = ParseIpAddress(url.host); literal.has_value()) {
    if (!any && !AllowsAddress(*literal)) return Refused("it is not of the public internet");
    return std::vector<IpAddress>{*literal};
  }
  const auto is_inner = [&](std::string_view name) {
    return url.host == name || EndsWith(url.host, StrCat(".", name));
  };
  if (!any && std::any_of(std::begin(kInnerNames), std::end(kInnerNames), is_inner)) {
    return Refused("its name is not of the public internet");
  }
  HEIM_ASSIGN_OR_RETURN(std::vector<IpAddress> found, resolver_.Resolve(url.host, deadline));
  if (found.empty()) return absl::UnavailableError("the name has no address");
  if (found.size() > kEgressAddressesMax) return Refused("its name has too many addresses");
  for (const IpAddress& address : found) {
    if (!any && !AllowsAddress(address)) return Refused("its name leads to where it may not");
  }
  // Version 4 first: a network without version 6 that says otherwise is common.
  std::stable_partition(found.begin(), found.end(), [](const IpAddress& a) { return !a.ipv6; });
  return found;
}

}  // namespace heim
