// Passwords by argon2id: the only file that includes libsodium.
#include <sodium.h>

#include <algorithm>
#include <array>

#include "absl/status/status.h"
#include "server/base/check.h"
#include "server/base/crypto.h"

namespace heim {
namespace {

// libsodium reads the hash as a C string in a buffer of this size.
using HashBuffer = std::array<char, crypto_pwhash_STRBYTES>;

// False for what cannot be a hash; a NUL inside would hide what follows it.
bool ToBuffer(std::string_view hash, HashBuffer& buffer) {
  if (hash.size() >= buffer.size() || hash.find('\0') != std::string_view::npos) return false;
  buffer.fill('\0');
  std::copy(hash.begin(), hash.end(), buffer.begin());
  return true;
}

// Safe to repeat and from any thread.
void RequireSodium() { HEIM_CHECK(sodium_init() >= 0); }

}  // namespace

absl::StatusOr<std::string> HashPassword(std::string_view password, PasswordCost cost) {
  RequireSodium();
  if (cost.passes < crypto_pwhash_argon2id_OPSLIMIT_MIN ||
      cost.passes > crypto_pwhash_argon2id_OPSLIMIT_MAX ||
      cost.memory_bytes < crypto_pwhash_argon2id_MEMLIMIT_MIN ||
      cost.memory_bytes > crypto_pwhash_argon2id_MEMLIMIT_MAX) {
    return absl::InvalidArgumentError("the password cost is outside what argon2id takes");
  }
  HashBuffer hash{};
  if (crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), cost.passes,
                            cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return absl::ResourceExhaustedError("no memory to hash a password");
  }
  return std::string(hash.data());
}

bool VerifyPassword(std::string_view hash, std::string_view password) {
  RequireSodium();
  HashBuffer buffer;
  if (!ToBuffer(hash, buffer)) return false;
  return crypto_pwhash_str_verify(buffer.data(), password.data(), password.size()) == 0;
}

bool NeedsRehash(std::string_view hash, PasswordCost cost) {
  RequireSodium();
  HashBuffer buffer;
  if (!ToBuffer(hash, buffer)) return true;
  return crypto_pwhash_str_needs_rehash(buffer.data(), cost.passes, cost.memory_bytes) != 0;
}

}  // namespace heim
