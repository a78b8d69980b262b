#include "server/auth/operator_link.h"

#include <optional>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "server/base/crypto.h"
#include "server/base/ids.h"
#include "server/base/parse.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

constexpr std::string_view kKeyPurpose = "heim operator link v1";
constexpr std::string_view kBegin = "op.";
constexpr int64_t kLatest = int64_t{1} << 47;  // milliseconds; thousands of years
constexpr size_t kTimeDigits = 12;             // of a UUIDv7, in hex

std::string Signature(std::string_view key, std::string_view said) {
  return Base64UrlEncode(HmacSha256(key, said));
}

}  // namespace

std::string OperatorLinkKey(std::string_view secret_key) {
  return HmacSha256(secret_key, kKeyPurpose);
}

std::string MakeOperatorToken(std::string_view key, std::string_view username, absl::Time now) {
  const std::string said = StrCat(kBegin, Base64UrlEncode(username), ".", absl::ToUnixMillis(now));
  return StrCat(said, ".", Signature(key, said));
}

bool IsOperatorToken(std::string_view token) { return StartsWith(token, kBegin); }

absl::StatusOr<OperatorToken> ReadOperatorToken(std::string_view key, std::string_view token,
                                                absl::Time now) {
  const std::vector<std::string> parts = absl::StrSplit(ToAbsl(token), '.');
  if (!IsOperatorToken(token) || parts.size() != 4) return ResetTokenInvalid();
  const std::string_view said = token.substr(0, token.size() - parts[3].size() - 1);
  if (!ConstantTimeEquals(Signature(key, said), parts[3])) return ResetTokenInvalid();
  const std::optional<std::string> username = Base64UrlDecode(parts[1]);
  const auto millis = ParseInteger(parts[2], 0, kLatest);
  if (!username.has_value() || !millis.ok()) return ResetTokenInvalid();
  const absl::Time issued_at = absl::FromUnixMillis(*millis);
  if (now - issued_at >= kOperatorLinkLifetime) return ResetTokenInvalid();
  return OperatorToken{*username, issued_at};
}

bool WasSetSince(const KeyId& password, absl::Time issued_at) {
  if (!IsUuid(password.str())) return true;
  std::string digits;
  for (const char c : password.str()) {
    if (c != '-' && digits.size() < kTimeDigits) digits.push_back(c);
  }
  int64_t millis = 0;
  if (!absl::SimpleHexAtoi(digits, &millis)) return true;
  return millis >= absl::ToUnixMillis(issued_at);
}

}  // namespace heim
