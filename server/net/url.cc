#include "server/net/url.h"

#include <algorithm>

#include "server/base/parse.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr uint16_t kHttpPort = 80;
constexpr uint16_t kHttpsPort = 443;
constexpr size_t kHostMaxBytes = 255;

absl::Status NotAUrl(std::string_view why) {
  return absl::InvalidArgumentError(StrCat("not an address: ", why));
}

bool IsHostCharacter(char c, bool ipv6) {
  const bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  return word || c == '.' || (ipv6 ? c == ':' : c == '-' || c == '_');
}

// Takes the host off the front of `text`.
absl::StatusOr<std::string> TakeHost(std::string_view* text) {
  const bool ipv6 = StartsWith(*text, "[");
  const size_t end = text->find(ipv6 ? ']' : ':');
  if (ipv6 && end == std::string_view::npos) return NotAUrl("a bracket is open");
  std::string host(text->substr(ipv6 ? 1 : 0, ipv6 ? end - 1 : end));
  text->remove_prefix(std::min(text->size(), ipv6 ? end + 1 : end));
  for (char& c : host) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!IsHostCharacter(c, ipv6)) return NotAUrl("the host has a character that none has");
  }
  if (ipv6 && host.find(':') == std::string::npos) return NotAUrl("the brackets hold no address");
  if (host.empty() || host.size() > kHostMaxBytes) return NotAUrl("the host is missing");
  return host;
}

}  // namespace

std::string Url::Authority() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  std::string authority = ipv6 ? StrCat("[", host, "]") : host;
  if (port != (tls ? kHttpsPort : kHttpPort)) StrAppend(&authority, ":", port);
  return authority;
}

absl::StatusOr<Url> ParseUrl(std::string_view text) {
  Url url;
  if (StartsWithIgnoreCase(text, "https://")) {
    url.tls = true;
  } else if (!StartsWithIgnoreCase(text, "http://")) {
    return NotAUrl("it begins with neither http:// nor https://");
  }
  text.remove_prefix(url.tls ? 8 : 7);
  const size_t end = std::min(text.find_first_of("/?"), text.size());
  url.target = StrCat(StartsWith(text.substr(end), "/") ? "" : "/", text.substr(end));
  for (const char c : url.target) {
    if (c <= ' ' || c == 0x7f || c == '#') return NotAUrl("the path has a character that none has");
  }
  std::string_view authority = text.substr(0, end);
  auto host = TakeHost(&authority);
  if (!host.ok()) return host.status();
  url.host = *std::move(host);
  url.port = url.tls ? kHttpsPort : kHttpPort;
  if (!authority.empty()) {
    const auto port = ParseInteger(authority.substr(1), 1, 65535);
    if (authority.front() != ':' || !port.ok()) return NotAUrl("the port is none");
    url.port = static_cast<uint16_t>(*port);
  }
  return url;
}

}  // namespace heim
