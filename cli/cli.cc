#include "cli/cli.h"

#include <iostream>

#include "cli/command.h"
#include "server/base/strings.h"

namespace heim {

int RunCli(int argc, char** argv, const CliHost& host) {
  CommandLine line;
  line.host = &host;
  line.app.require_subcommand(1);
  line.app.set_version_flag("--version", "heim " + host.version);
  line.app.failure_message([](const CLI::App* app, const CLI::Error& error) {
    return std::string(error.what()) + "\n  see: " + app->get_name() + " --help\n";
  });
  line.app.name("heim");
  AddServerCommands(line);
  AddLoginCommands(line);
  AddChatCommands(line);
  AddAgentCommands(line);
  AddAdminCommands(line);
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = line.app.exit(error);
    return code == 0 ? 0 : 2;
  }
  if (!line.run) return 2;
  const absl::Status status = line.run();
  if (status.ok()) return 0;
  std::cerr << "heim: " << status.message() << std::endl;
  return 1;
}

}  // namespace heim
