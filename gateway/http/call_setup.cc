#include "gateway/http/call_setup.h"

#include <algorithm>
#include <cctype>

#include "gateway/http/http_limits.h"
#include "gateway/http/http_rule.h"
#include "server/base/parse.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"

namespace heim {
namespace {

constexpr size_t kRequestIdMaxBytes = 64;

absl::Status Invalid(std::string_view what) {
  return MakeError(v1::ERROR_REASON_INVALID_ARGUMENT, what);
}

}  // namespace

std::string_view FindCookie(const RequestHead& head, std::string_view name) {
  for (const HeaderField& field : head.fields) {
    if (!EqualsIgnoreCase(field.name, "Cookie")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const size_t end = rest.find(';');
      const std::string_view pair = TrimSpace(rest.substr(0, end));
      const size_t equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
        return pair.substr(equals + 1);
      }
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
    }
  }
  return {};
}

absl::StatusOr<Credentials> FindCredentials(const RequestHead& head) {
  if (head.Has("Authorization")) {
    const std::string_view value = head.Get("Authorization");
    const std::string_view token = TrimSpace(value.substr(std::min<size_t>(value.size(), 7)));
    if (!StartsWithIgnoreCase(value, "Bearer ") || token.empty() ||
        head.Count("Authorization") != 1) {
      return MakeError(v1::ERROR_REASON_UNAUTHENTICATED,
                       "Authorization must be \"Bearer\" and a token");
    }
    return Credentials{std::string(token), false};
  }
  const std::string_view cookie = FindCookie(head, kSessionCookie);
  return Credentials{std::string(cookie), !cookie.empty()};
}

absl::Status CheckNoTokenInQuery(std::string_view query) {
  if (query.empty()) return absl::OkStatus();
  const auto parameters = ParseQuery(query);
  if (!parameters.ok()) return parameters.status();
  for (const QueryParameter& parameter : *parameters) {
    if (parameter.name == "token" || parameter.name == "access_token" ||
        parameter.name == "api_key") {
      return Invalid("A token does not belong in a URL; send it as Authorization: Bearer");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::Duration> RequestTimeout(const RequestHead& head) {
  const std::string_view text = head.Get("X-Request-Timeout");
  const std::string_view connect = head.Get("Connect-Timeout-Ms");
  absl::Duration timeout = kDeadlineDefault;
  if (!connect.empty()) {
    const auto ms = ParseInteger(connect, 0, 9'999'999'999);
    if (!ms.ok()) return Invalid("Connect-Timeout-Ms must be a number of milliseconds");
    timeout = absl::Milliseconds(*ms);
  } else if (!text.empty()) {
    const auto seconds = ParseInteger(text, 0, 1'000'000);
    const auto duration = ParseDuration(text);
    if (!seconds.ok() && !duration.ok()) {
      return Invalid("X-Request-Timeout must be a duration such as 5s or 500ms");
    }
    timeout = seconds.ok() ? absl::Seconds(*seconds) : *duration;
  }
  return std::min(timeout, kCallMaxTimeout);
}

absl::StatusOr<std::optional<uint32_t>> RevisionOf(const RequestHead& head) {
  std::string_view text = head.Get("If-Match");
  if (text.empty() || text == "*") return std::optional<uint32_t>();
  if (text.size() > 2 && text.front() == '"' && text.back() == '"') {
    const auto revision = ParseInteger(text.substr(1, text.size() - 2), 0, UINT32_MAX);
    if (revision.ok()) return std::optional<uint32_t>(static_cast<uint32_t>(*revision));
  }
  return Invalid("If-Match must be a revision in quotes, such as \"3\"");
}

std::string RequestIdOf(const RequestHead& head) {
  const std::string_view id = head.Get("X-Request-Id");
  const bool good = !id.empty() && id.size() <= kRequestIdMaxBytes &&
                    std::all_of(id.begin(), id.end(), [](unsigned char c) {
                      return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
                    });
  return good ? std::string(id) : "";
}

std::string MediaType(std::string_view content_type) {
  return AsciiLower(TrimSpace(content_type.substr(0, content_type.find(';'))));
}

absl::Status CheckJsonBody(const RequestHead& head) {
  const std::string_view type = head.Get("Content-Type");
  const size_t charset = AsciiLower(type).find("charset=");
  bool good = head.Count("Content-Type") == 1 && MediaType(type) == "application/json";
  if (good && charset != std::string::npos) {
    std::string_view name = type.substr(charset + 8);
    name = TrimSpace(name.substr(0, name.find(';')));
    if (name.size() >= 2 && name.front() == '"') name = name.substr(1, name.size() - 2);
    good = EqualsIgnoreCase(name, "utf-8") || EqualsIgnoreCase(name, "us-ascii");
  }
  if (!good) {
    return MakeError(v1::ERROR_REASON_UNSUPPORTED_MEDIA_TYPE,
                     "The body must be declared as application/json");
  }
  const std::string_view encoding = head.Get("Content-Encoding");
  if (!encoding.empty() && !EqualsIgnoreCase(encoding, "identity")) {
    return MakeError(v1::ERROR_REASON_UNSUPPORTED_MEDIA_TYPE, "Compressed bodies are not taken");
  }
  return absl::OkStatus();
}

std::string AddressOf(const RequestHead& head, const std::string& peer,
                      const AddressBlocks& trusted_proxies) {
  std::string forwarded;
  for (const HeaderField& field : head.fields) {
    if (!EqualsIgnoreCase(field.name, "X-Forwarded-For")) continue;
    if (!forwarded.empty()) forwarded += ',';
    forwarded += field.value;
  }
  return ClientAddress(peer, forwarded, trusted_proxies);
}

std::shared_ptr<CallContext> MakeContext(const RequestHead& head, const CallOrigin& origin) {
  auto context = std::make_shared<CallContext>();
  const bool proxied = origin.trusted_proxies->Contains(origin.peer);
  context->address = AddressOf(head, origin.peer, *origin.trusted_proxies);
  context->user_agent = StripUnsafeControls(Utf8Prefix(head.Get("User-Agent"), 256));
  context->client = std::string(head.Get("Heim-Client").substr(0, 256));
  context->workspace_selector = std::string(head.Get("Heim-Workspace"));
  context->idempotency_key = std::string(head.Get("Idempotency-Key"));
  std::string_view host = head.Get("Host");
  std::string_view scheme = origin.tls_in_front ? "https" : "http";
  if (proxied) {
    if (IsHost(head.Get("X-Forwarded-Host"))) host = head.Get("X-Forwarded-Host");
    const std::string_view said = head.Get("X-Forwarded-Proto");
    if (said == "https" || said == "http") scheme = said;
  }
  if (!host.empty()) context->base_url = StrCat(scheme, "://", host);
  return context;
}

std::string FormatCookie(const SessionCookie& cookie, bool secure) {
  const int64_t age = cookie.token.empty() ? 0 : absl::ToInt64Seconds(cookie.max_age);
  return StrCat(kSessionCookie, "=", cookie.token,
                "; Path=/; HttpOnly; SameSite=Lax; Max-Age=", age, secure ? "; Secure" : "");
}

}  // namespace heim
