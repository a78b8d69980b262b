#include "server/auth/key_secret.h"

#include "server/base/crypto.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr size_t kSecretChars = 32;
constexpr size_t kShownChars = 4;

}  // namespace

KeySecret MakeKeySecret(v1::CredentialType type, Entropy& entropy) {
  const std::string_view prefix =
      type == v1::CREDENTIAL_TYPE_PAT ? kPersonalTokenPrefix : kAgentKeyPrefix;
  KeySecret key;
  key.secret = StrCat(prefix, RandomBase62(entropy, kSecretChars));
  key.hash = HashKeySecret(key.secret);
  key.shown = key.secret.substr(0, prefix.size() + kShownChars);
  return key;
}

std::string HashKeySecret(std::string_view secret) { return HexEncode(Sha256(secret)); }

v1::CredentialType KeyTypeOf(std::string_view secret) {
  if (StartsWith(secret, kAgentKeyPrefix)) return v1::CREDENTIAL_TYPE_API_KEY;
  if (StartsWith(secret, kPersonalTokenPrefix)) return v1::CREDENTIAL_TYPE_PAT;
  return v1::CREDENTIAL_TYPE_UNSPECIFIED;
}

}  // namespace heim
