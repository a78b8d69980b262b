#include "server/auth/session_tokens.h"

#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "server/auth/auth_errors.h"
#include "server/base/crypto.h"
#include "server/base/ids.h"
#include "server/base/parse.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

// The only header that is ever taken: comparing it whole leaves no algorithm to choose.
constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"JWT"})";
constexpr std::string_view kAudience = "heim";
constexpr std::string_view kKeyPurpose = "heim session token v1";
constexpr size_t kClaimsMax = 8;
// A clock that steps back must not log everybody out.
constexpr absl::Duration kFutureAllowed = absl::Hours(2);

// Reads one flat JSON object of plain strings and whole numbers, as Sign writes it.
class FlatObject {
 public:
  static std::optional<FlatObject> Parse(std::string_view text) {
    FlatObject object;
    if (!Take(text, '{')) return std::nullopt;
    while (object.values_.size() < kClaimsMax) {
      const std::optional<std::string_view> key = TakeString(text);
      if (!key.has_value() || !Take(text, ':')) return std::nullopt;
      const std::optional<std::string_view> value = TakeValue(text);
      if (!value.has_value()) return std::nullopt;
      if (!object.values_.emplace(std::string(*key), std::string(*value)).second) {
        return std::nullopt;
      }
      if (Take(text, ',')) continue;
      if (Take(text, '}') && text.empty()) return object;
      return std::nullopt;
    }
    return std::nullopt;
  }

  // The value; strings keep their quotes, so that 1 and "1" differ.
  std::string_view Raw(std::string_view key) const {
    const auto it = values_.find(std::string(key));
    return it == values_.end() ? std::string_view() : std::string_view(it->second);
  }

  std::string_view String(std::string_view key) const {
    const std::string_view raw = Raw(key);
    if (raw.size() < 2 || raw.front() != '"') return {};
    return raw.substr(1, raw.size() - 2);
  }

  std::optional<absl::Time> Seconds(std::string_view key) const {
    constexpr int64_t kYear9999 = 253'402'300'799;
    const auto number = ParseInteger(Raw(key), 0, kYear9999);
    if (!number.ok()) return std::nullopt;
    return absl::FromUnixSeconds(*number);
  }

 private:
  static bool Take(std::string_view& text, char c) {
    if (text.empty() || text.front() != c) return false;
    text.remove_prefix(1);
    return true;
  }

  static std::optional<std::string_view> TakeString(std::string_view& text) {
    if (!Take(text, '"')) return std::nullopt;
    const size_t end = text.find_first_of("\"\\");
    if (end == std::string_view::npos || text[end] != '"') return std::nullopt;
    const std::string_view value = text.substr(0, end);
    text.remove_prefix(end + 1);
    return value;
  }

  static std::optional<std::string_view> TakeValue(std::string_view& text) {
    const std::string_view before = text;
    if (!text.empty() && text.front() == '"') {
      if (!TakeString(text).has_value()) return std::nullopt;
    } else {
      const size_t end = text.find_first_not_of("0123456789");
      if (end == 0 || end == std::string_view::npos) return std::nullopt;
      text.remove_prefix(end);
    }
    return before.substr(0, before.size() - text.size());
  }

  absl::flat_hash_map<std::string, std::string> values_;
};

}  // namespace

SessionTokens::SessionTokens(std::string_view secret_key, Clock& clock)
    : key_(HmacSha256(secret_key, kKeyPurpose)), clock_(clock) {}

std::string SessionTokens::Sign(const SessionClaims& claims) const {
  const std::string payload =
      StrCat(R"({"aud":")", kAudience, R"(","sub":")", claims.actor_id.str(), R"(","sid":")",
             claims.session_id.str(), R"(","iat":)", absl::ToUnixSeconds(claims.issued_at),
             R"(,"exp":)", absl::ToUnixSeconds(claims.expires_at), "}");
  const std::string signed_part = StrCat(Base64UrlEncode(kHeader), ".", Base64UrlEncode(payload));
  return StrCat(signed_part, ".", Base64UrlEncode(HmacSha256(key_, signed_part)));
}

absl::StatusOr<SessionClaims> SessionTokens::Verify(std::string_view token) const {
  const size_t first = token.find('.');
  const size_t last = token.rfind('.');
  if (first == std::string_view::npos || first == last) return CredentialUnknown();
  const std::optional<std::string> header = Base64UrlDecode(token.substr(0, first));
  const std::optional<std::string> signature = Base64UrlDecode(token.substr(last + 1));
  if (!header.has_value() || *header != kHeader || !signature.has_value()) {
    return CredentialUnknown();
  }
  if (!ConstantTimeEquals(*signature, HmacSha256(key_, token.substr(0, last)))) {
    return CredentialUnknown();
  }
  const auto payload = Base64UrlDecode(token.substr(first + 1, last - first - 1));
  if (!payload.has_value()) return CredentialUnknown();
  const std::optional<FlatObject> object = FlatObject::Parse(*payload);
  if (!object.has_value() || object->String("aud") != kAudience) return CredentialUnknown();
  const std::optional<absl::Time> issued_at = object->Seconds("iat");
  const std::optional<absl::Time> expires_at = object->Seconds("exp");
  const std::string_view actor = object->String("sub");
  const std::string_view session = object->String("sid");
  if (!issued_at.has_value() || !expires_at.has_value() || !IsUuid(actor) || !IsUuid(session)) {
    return CredentialUnknown();
  }
  const absl::Time now = clock_.Now();
  if (*issued_at > now + kFutureAllowed || *issued_at > *expires_at) return CredentialUnknown();
  if (*expires_at <= now) return TokenExpired();
  return SessionClaims{ActorId(actor), SessionId(session), *issued_at, *expires_at};
}

}  // namespace heim
