// The command line: a client of the contract like any other, in the same program as the server.
// Called once from main, on its thread; blocks until the command is done.
#pragma once

#include <functional>
#include <string>

namespace heim {

// What the program around the commands provides.
struct CliHost {
  std::string version;
  // `heim serve`: runs the server until it is told to stop; the exit code.
  std::function<int()> serve;
  // Part of `heim doctor`: the settings of the environment, one line each; an error line when one
  // is bad.
  std::function<int(std::string* report)> check_settings;
  // `heim admin reset-password`: a link for the account, made with the server's secret key; or an
  // error line.
  std::function<int(const std::string& username, std::string* report)> reset_link;
};

// Parses the arguments and runs the command. 0: done; 1: it failed (the reason and the next step
// are on stderr); 2: the arguments are wrong.
int RunCli(int argc, char** argv, const CliHost& host);

}  // namespace heim
