// RedactSecrets: one pass over the text; at each position the patterns of a secret are tried.
#include <algorithm>
#include <array>
#include <cstddef>

#include "server/base/log.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr std::string_view kPlaceholder = "[redacted]";

// A match at the front of the text: so many bytes stay, so many after them are the secret.
struct Match {
  size_t keep = 0;
  size_t secret = 0;
};

bool IsAlnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool IsBase64Url(char c) { return IsAlnum(c) || c == '-' || c == '_'; }
bool IsToken68(char c) {
  return IsBase64Url(c) || c == '.' || c == '~' || c == '+' || c == '/' || c == '=';
}
// What ends a value in a query string, a form, JSON or a sentence.
bool EndsValue(char c) {
  return static_cast<unsigned char>(c) <= ' ' || c == '&' || c == '"' || c == '\'' || c == ';' ||
         c == ',' || c == ')' || c == '<' || c == '>' || c == '#';
}

template <typename Predicate>
size_t CountWhile(std::string_view text, Predicate predicate) {
  return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), predicate) - text.begin());
}

// heim_agent_…, heim_pat_… and any later kind: heim_<letters>_<letters and digits>.
Match MatchHeimKey(std::string_view text) {
  constexpr std::string_view kPrefix = "heim_";
  constexpr std::array<std::string_view, 2> kKinds = {"agent_", "pat_"};
  constexpr size_t kOtherSecretMin = 16;
  if (!StartsWithIgnoreCase(text, kPrefix)) return {};
  const std::string_view rest = text.substr(kPrefix.size());
  for (const std::string_view kind : kKinds) {
    if (!StartsWithIgnoreCase(rest, kind)) continue;
    const size_t secret = CountWhile(rest.substr(kind.size()), IsBase64Url);
    if (secret > 0) return {0, kPrefix.size() + kind.size() + secret};
  }
  const size_t kind = CountWhile(rest, [](char c) { return IsAlnum(c); });
  if (kind == 0 || kind == rest.size() || rest[kind] != '_') return {};
  const size_t secret = CountWhile(rest.substr(kind + 1), IsAlnum);
  if (secret < kOtherSecretMin) return {};
  return {0, kPrefix.size() + kind + 1 + secret};
}

// A JSON object in base64url starts with eyJ; the signature may be missing or cut off.
Match MatchJwt(std::string_view text) {
  constexpr size_t kHeaderMin = 10;
  if (!StartsWith(text, "eyJ")) return {};
  if (CountWhile(text, IsBase64Url) < kHeaderMin) return {};
  return {0, CountWhile(text, [](char c) { return IsBase64Url(c) || c == '.'; })};
}

// token=…, token%3D…, "token":"…"; the name may stand at the end of a longer one.
Match MatchNamedValue(std::string_view text) {
  constexpr std::array<std::string_view, 7> kNames = {"token",  "ticket",  "secret", "password",
                                                      "passwd", "api_key", "apikey"};
  for (const std::string_view name : kNames) {
    if (!StartsWithIgnoreCase(text, name)) continue;
    std::string_view rest = text.substr(name.size());
    if (StartsWith(rest, "=")) {
      rest.remove_prefix(1);
    } else if (StartsWithIgnoreCase(rest, "%3d")) {
      rest.remove_prefix(3);
    } else if (StartsWith(rest, "\"") || StartsWith(rest, "\\\"")) {
      rest.remove_prefix(rest.find('"') + 1);
      rest.remove_prefix(CountWhile(rest, [](char c) { return c == ' '; }));
      if (!StartsWith(rest, ":")) continue;
      rest.remove_prefix(1);
      rest.remove_prefix(CountWhile(rest, [](char c) { return c == ' '; }));
    } else {
      continue;
    }
    rest.remove_prefix(CountWhile(rest, [](char c) { return c == '"' || c == '\\'; }));
    const size_t secret = CountWhile(rest, [](char c) { return !EndsValue(c); });
    if (secret > 0) return {text.size() - rest.size(), secret};
  }
  return {};
}

Match MatchBearer(std::string_view text) {
  constexpr std::string_view kScheme = "bearer ";
  // Shorter words are prose, as in "bearer token required".
  constexpr size_t kSecretMin = 16;
  if (!StartsWithIgnoreCase(text, kScheme)) return {};
  const size_t secret = CountWhile(text.substr(kScheme.size()), IsToken68);
  if (secret < kSecretMin) return {};
  return {kScheme.size(), secret};
}

// Authorization: <anything to the end of the line>.
Match MatchAuthorization(std::string_view text) {
  constexpr std::string_view kName = "authorization";
  if (!StartsWithIgnoreCase(text, kName)) return {};
  const std::string_view rest = text.substr(kName.size());
  const size_t lead = CountWhile(rest, [](char c) { return c == '"' || c == ' '; });
  if (lead == rest.size() || (rest[lead] != ':' && rest[lead] != '=')) return {};
  const std::string_view after = rest.substr(lead + 1);
  const size_t space = CountWhile(after, [](char c) { return c == ' ' || c == '"'; });
  const size_t secret =
      CountWhile(after.substr(space), [](char c) { return c != '\r' && c != '\n' && c != '"'; });
  if (secret == 0) return {};
  return {kName.size() + lead + 1 + space, secret};
}

// scheme://user:password@host
Match MatchUrlPassword(std::string_view text) {
  constexpr std::string_view kStart = "://";
  if (!StartsWith(text, kStart)) return {};
  const std::string_view rest = text.substr(kStart.size());
  const size_t authority = CountWhile(rest, [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != '/' && c != '?' && c != '#' && c != '"';
  });
  const size_t at = rest.substr(0, authority).rfind('@');
  const size_t colon = rest.substr(0, authority).find(':');
  if (at == std::string_view::npos || colon >= at || at - colon == 1) return {};
  return {kStart.size() + colon + 1, at - colon - 1};
}

Match MatchAt(std::string_view text) {
  Match match;
  switch (text.front()) {
    case 'h':
    case 'H':
      return MatchHeimKey(text);
    case 'e':
      return MatchJwt(text);
    case 'b':
    case 'B':
      return MatchBearer(text);
    case ':':
      return MatchUrlPassword(text);
    case 'a':
    case 'A':
      match = MatchAuthorization(text);
      return match.secret > 0 ? match : MatchNamedValue(text);
    case 't':
    case 'T':
    case 's':
    case 'S':
    case 'p':
    case 'P':
      return MatchNamedValue(text);
    default:
      return match;
  }
}

}  // namespace

std::string RedactSecrets(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Match match = MatchAt(text);
    if (match.secret == 0) {
      out.push_back(text.front());
      text.remove_prefix(1);
      continue;
    }
    out.append(text.substr(0, match.keep));
    out.append(kPlaceholder);
    text.remove_prefix(match.keep + match.secret);
  }
  return out;
}

}  // namespace heim
