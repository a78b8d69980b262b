// Options of `heim agent …`, shared by the files that carry those commands out. Values; no threads.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/command.h"

namespace heim {

struct AgentOptions {
  std::string name;
  std::string display_name;
  std::string description;
  std::vector<std::string> capabilities;
  std::vector<std::string> scopes;
  std::string framework;
  std::string model;
  std::string channel;
  std::string thread;
  std::string agent;
  std::string key;
  std::string label;
  bool stream = false;
  std::vector<std::string> command;
};

// `heim agent connect`: see agent_connect.cc.
absl::Status ConnectAgent(const CommandLine& line, const AgentOptions& options);

}  // namespace heim
