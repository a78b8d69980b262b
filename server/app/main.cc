// The program: the server (`heim serve`) and the command line in one.
#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "cli/cli.h"
#include "server/app/config.h"
#include "server/app/server.h"
#include "server/auth/operator_link.h"
#include "server/auth/secret_key.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/base/file_util.h"
#include "server/base/log.h"
#include "server/base/strings.h"
#include "server/model/limits.h"
#include "server/store/postgres/libpq.h"

extern char** environ;

namespace heim {
namespace {

absl::StatusOr<Config> ConfigFromEnvironment() {
  return LoadConfig([](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return value;
  });
}

std::vector<std::string> VariableNames() {
  std::vector<std::string> names;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    names.emplace_back(text.substr(0, text.find('=')));
  }
  return names;
}

int Fail(const absl::Status& status) {
  std::cerr << "heim: " << ToStd(status.message()) << std::endl;
  return 1;
}

// What somebody who starts a server wants to know.
void Announce(const Config& config, const Server& server) {
  const std::string address =
      config.public_url.empty() ? StrCat("http://localhost:", server.port()) : config.public_url;
  std::cout << "Heim " << HeimVersion() << " is ready at http://localhost:" << server.port()
            << "\n";
  if (server.grpc_port() != 0) std::cout << "gRPC also at localhost:" << server.grpc_port() << "\n";
  if (const std::string token = server.setup_token();
      !token.empty() && config.setup_token.empty()) {
    std::cout << "Set up your team: " << address << "/setup?token=" << token << "\n";
  }
  std::cout << std::flush;
}

int Serve() {
  const auto config = ConfigFromEnvironment();
  if (!config.ok()) return Fail(config.status());
  InitLog({config->log_level, config->log_format});
  for (const std::string& name : UnknownVariables(VariableNames())) {
    LogWarn("a setting is not known and has no effect", {{"variable", name}});
  }
  // Signals are taken by this thread alone: blocked here, before any other thread starts.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // Many short-lived threads would each keep an arena of freed memory.
  mallopt(M_ARENA_MAX, 2);

  auto server = Server::Create(*config);
  if (!server.ok()) return Fail(server.status());
  Announce(*config, **server);
  int signal = 0;
  sigwait(&signals, &signal);
  LogInfo("stopping", {{"signal", signal}});
  (*server)->Stop(kDrainTime);
  LogInfo("stopped");
  return 0;
}

int CheckSettings(std::string* report) {
  const auto config = ConfigFromEnvironment();
  if (!config.ok()) {
    *report = std::string(config.status().message());
    return 1;
  }
  if (config->postgres.has_value()) {
    if (const absl::Status loaded = LoadLibpq(); !loaded.ok()) {
      *report = std::string(loaded.message());
      return 1;
    }
  }
  *report =
      StrCat("port ", config->port, ", data in ", config->data_dir, ", database ",
             DatabaseName(*config), ", registration ", RegistrationName(config->registration));
  return 0;
}

// The secret key as the server has it; none is made here.
absl::StatusOr<std::string> ExistingSecretKey(const Config& config) {
  if (config.secret_key.empty() && !FileExists(config.data_dir + "/secret_key")) {
    return absl::FailedPreconditionError(
        StrCat("there is no server's data in ", config.data_dir,
               ": set HEIM_DATA_DIR or HEIM_SECRET_KEY as the server has it"));
  }
  SystemEntropy entropy;
  return LoadSecretKey({config.secret_key, config.data_dir}, entropy);
}

// Made with the secret key alone, whether the server runs or not.
int ResetLink(const std::string& username, std::string* report) {
  const auto config = ConfigFromEnvironment();
  const auto secret =
      config.ok() ? ExistingSecretKey(*config) : absl::StatusOr<std::string>(config.status());
  if (!secret.ok()) {
    *report = std::string(secret.status().message());
    return 1;
  }
  const std::string address =
      config->public_url.empty() ? StrCat("http://localhost:", config->port) : config->public_url;
  const std::string key = OperatorLinkKey(*secret);
  *report = StrCat(address, "/reset?token=", MakeOperatorToken(key, username, SystemClock().Now()));
  return 0;
}

}  // namespace
}  // namespace heim

int main(int argc, char** argv) {
  heim::CliHost host;
  host.version = std::string(heim::HeimVersion());
  host.serve = &heim::Serve;
  host.check_settings = &heim::CheckSettings;
  host.reset_link = &heim::ResetLink;
  return heim::RunCli(argc, argv, host);
}
