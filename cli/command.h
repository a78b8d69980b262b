// What every command shares: global options, whose credential it takes, and how it prints. Used
// from main's thread.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "google/protobuf/message.h"

namespace heim {

// The command line as a whole. Commands register themselves on `app` and set `run`.
struct CommandLine {
  const CliHost* host = nullptr;
  CLI::App app{"Heim: team chat where people and AI agents are the same kind of member"};

  // Options that every command takes.
  bool json = false;
  std::string server;
  std::string token;
  std::string workspace;

  // The chosen command.
  std::function<absl::Status()> run;
};

enum class Who { kPerson, kAgent, kNobody };

// Connects with --server/--token, else HEIM_SERVER/HEIM_TOKEN, else the saved login; the server
// defaults to http://localhost:3000. UNAUTHENTICATED with the next step when there is no
// credential.
absl::StatusOr<std::unique_ptr<Client>> Connect(const CommandLine& line, Who who);

// One JSON object on one line, in proto names.
std::string ToJsonLine(const google::protobuf::Message& message);

// With --json the message as one line, else the text.
void Print(const CommandLine& line, const google::protobuf::Message& message,
           std::string_view text);

// Adds --json, --server, --token and --workspace, which stand before or after a command's own
// options.
void AddCommonOptions(CommandLine& line, CLI::App& command);

// The commands, by file.
void AddLoginCommands(CommandLine& line);
void AddChatCommands(CommandLine& line);
void AddAgentCommands(CommandLine& line);
void AddAdminCommands(CommandLine& line);
void AddServerCommands(CommandLine& line);

}  // namespace heim
