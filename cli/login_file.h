// The saved login: $HEIM_CONFIG_DIR/credentials.json (else $XDG_CONFIG_HOME/heim, else
// ~/.config/heim), mode 0600. Functions; they block on the disk.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace heim {

struct SavedLogin {
  std::string server;  // "http://localhost:3000"
  std::string token;   // of the person that logged in
  std::string username;
  std::string agent_token;  // of the agent registered last on this machine
  std::string agent_name;
};

std::string LoginFilePath();

// An empty login when there is no file.
absl::StatusOr<SavedLogin> LoadLogin();
absl::Status SaveLogin(const SavedLogin& login);

}  // namespace heim
