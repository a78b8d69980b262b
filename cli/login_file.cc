#include "cli/login_file.h"

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "server/base/file_util.h"
#include "server/base/status_macros.h"

namespace heim {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string Directory() {
  if (std::string own = Variable("HEIM_CONFIG_DIR"); !own.empty()) return own;
  if (std::string xdg = Variable("XDG_CONFIG_HOME"); !xdg.empty()) return xdg + "/heim";
  return Variable("HOME") + "/.config/heim";
}

}  // namespace

std::string LoginFilePath() { return Directory() + "/credentials.json"; }

absl::StatusOr<SavedLogin> LoadLogin() {
  const std::string path = LoginFilePath();
  if (!FileExists(path)) return SavedLogin{};
  HEIM_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::InvalidArgumentError(path + " is damaged; delete it and log in again");
  }
  const auto text_of = [&](const char* key) {
    const auto it = json.find(key);
    return it != json.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  return SavedLogin{text_of("server"), text_of("token"), text_of("username"),
                    text_of("agent_token"), text_of("agent_name")};
}

absl::Status SaveLogin(const SavedLogin& login) {
  HEIM_RETURN_IF_ERROR(EnsureDirectory(Directory(), 0700));
  const nlohmann::json json = {{"server", login.server},
                               {"token", login.token},
                               {"username", login.username},
                               {"agent_token", login.agent_token},
                               {"agent_name", login.agent_name}};
  return WriteFileAtomically(LoginFilePath(), json.dump(2) + "\n", 0600);
}

}  // namespace heim
