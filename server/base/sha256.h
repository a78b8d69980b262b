// Sha256Hasher is SHA-256 over bytes that come in pieces (crypto.h has it for bytes at hand). Owned
// by its user; one thread at a time. Never blocks.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace heim {

class Sha256Hasher {
 public:
  Sha256Hasher();
  ~Sha256Hasher();

  void Add(std::string_view bytes);
  // 32 raw bytes. Once, as the last call.
  std::string Finish();

 private:
  struct State;
  const std::unique_ptr<State> state_;
};

}  // namespace heim
