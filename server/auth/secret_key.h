// The server's secret key: what the operator gives, else one that is made once and kept in the data
// directory. Called once at start-up; blocks on the disk.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "server/base/entropy.h"

namespace heim {

struct SecretKeySource {
  std::string configured;  // HEIM_SECRET_KEY; empty: the file
  std::string data_dir;    // holds the file `secret_key`, mode 0600
};

// INVALID_ARGUMENT, in one line for the operator, for a key under 32 characters or a placeholder
// from an example. Errors of the disk are handed through.
absl::StatusOr<std::string> LoadSecretKey(const SecretKeySource& source, Entropy& entropy);

}  // namespace heim
