// heim serve, heim version, heim doctor: the server and its health.
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/login_file.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

absl::Status Version(const CommandLine& line) {
  if (line.json) {
    std::cout << nlohmann::json{{"version", line.host->version}}.dump() << std::endl;
  } else {
    std::cout << "heim " << line.host->version << std::endl;
  }
  return absl::OkStatus();
}

// One finding of the doctor.
struct Finding {
  std::string what;
  bool good = true;
  std::string text;
};

Finding CheckServer(const CommandLine& line) {
  const auto client = Connect(line, Who::kNobody);
  if (!client.ok()) return {"server", false, std::string(client.status().message())};
  const auto info = (*client)->Call(&v1::AdminService::Stub::GetServerInfo, (*client)->admin(),
                                    v1::GetServerInfoRequest());
  if (!info.ok()) return {"server", false, std::string(info.status().message())};
  std::string text = StrCat((*client)->connection().server, " answers, version ", info->version());
  if (info->setup_required())
    text += "; it waits for its first account (the link is in its output)";
  return {"server", true, text};
}

Finding CheckLogin(const CommandLine& line) {
  const auto client = Connect(line, Who::kPerson);
  if (!client.ok()) return {"login", true, "none saved; heim login makes one"};
  const auto session = (*client)->Call(&v1::AuthService::Stub::GetSession, (*client)->auth(),
                                       v1::GetSessionRequest());
  if (!session.ok()) return {"login", false, std::string(session.status().message())};
  return {"login", true,
          StrCat("@", session->actor().username(), " in ", session->workspace().name())};
}

absl::Status Doctor(const CommandLine& line) {
  std::vector<Finding> findings;
  std::string report;
  const bool settings = line.host->check_settings(&report) == 0;
  findings.push_back({"settings", settings, report});
  findings.push_back(CheckServer(line));
  if (findings.back().good) findings.push_back(CheckLogin(line));
  bool good = true;
  for (const Finding& finding : findings) {
    good = good && finding.good;
    if (line.json) {
      std::cout << nlohmann::json{{"check", finding.what},
                                  {"ok", finding.good},
                                  {"text", finding.text}}
                       .dump()
                << std::endl;
    } else {
      std::cout << (finding.good ? "ok    " : "WRONG ") << finding.what << ": " << finding.text
                << std::endl;
    }
  }
  return good ? absl::OkStatus() : absl::FailedPreconditionError("not everything is well");
}

}  // namespace

void AddServerCommands(CommandLine& line) {
  CLI::App* serve = line.app.add_subcommand(
      "serve", "Run the server; HEIM_* variables set it up (docs/operations.md)");
  serve->callback([&line] {
    line.run = [&line] {
      const int code = line.host->serve();
      // The server has said why on stderr, in one line.
      if (code != 0) std::_Exit(code);
      return absl::OkStatus();
    };
  });

  CLI::App* version = line.app.add_subcommand("version", "Print the version");
  version->add_flag("--json", line.json, "Print JSON");
  version->callback([&line] { line.run = [&line] { return Version(line); }; });

  CLI::App* doctor = line.app.add_subcommand("doctor", "Check settings, server and login");
  AddCommonOptions(line, *doctor);
  doctor->callback([&line] { line.run = [&line] { return Doctor(line); }; });
}

}  // namespace heim
