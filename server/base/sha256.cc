#include "server/base/sha256.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "server/base/check.h"

namespace heim {

struct Sha256Hasher::State {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256Hasher::Sha256Hasher() : state_(std::make_unique<State>()) {
  HEIM_CHECK(state_->context != nullptr);
  HEIM_CHECK(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}

Sha256Hasher::~Sha256Hasher() = default;

void Sha256Hasher::Add(std::string_view bytes) {
  HEIM_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

std::string Sha256Hasher::Finish() {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  unsigned int length = 0;
  HEIM_CHECK(EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(digest.data()),
                                &length) == 1);
  HEIM_CHECK(length == digest.size());
  return digest;
}

}  // namespace heim
