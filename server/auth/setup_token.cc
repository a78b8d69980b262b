#include "server/auth/setup_token.h"

#include <utility>

#include "server/base/crypto.h"

namespace heim {
namespace {

constexpr size_t kTokenChars = 32;

}  // namespace

SetupToken::SetupToken(std::string configured, Entropy& entropy)
    : value_(configured.empty() ? RandomBase62(entropy, kTokenChars) : std::move(configured)) {}

std::string SetupToken::value() const {
  absl::MutexLock lock(&mutex_);
  return value_;
}

bool SetupToken::Matches(std::string_view token) const {
  const std::string value = this->value();
  return !value.empty() && ConstantTimeEquals(Sha256(value), Sha256(token));
}

void SetupToken::Spend() {
  absl::MutexLock lock(&mutex_);
  value_.clear();
}

}  // namespace heim
