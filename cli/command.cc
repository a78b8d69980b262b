#include "cli/command.h"

#include <cstdlib>
#include <iostream>

#include "cli/login_file.h"
#include "google/protobuf/util/json_util.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string FirstOf(std::initializer_list<std::string> candidates) {
  for (const std::string& candidate : candidates) {
    if (!candidate.empty()) return candidate;
  }
  return "";
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Connect(const CommandLine& line, Who who) {
  HEIM_ASSIGN_OR_RETURN(const SavedLogin saved, LoadLogin());
  Connection connection;
  connection.server =
      FirstOf({line.server, Variable("HEIM_SERVER"), saved.server, "http://localhost:3000"});
  connection.workspace = FirstOf({line.workspace, Variable("HEIM_WORKSPACE")});
  if (who != Who::kNobody) {
    const std::string& own = who == Who::kAgent ? saved.agent_token : saved.token;
    connection.token = FirstOf({line.token, Variable("HEIM_TOKEN"), own});
    if (connection.token.empty()) {
      return absl::UnauthenticatedError(
          who == Who::kAgent ? "no agent token\n  register one: heim agent register --name my-agent"
                             : "not logged in\n  log in: heim login --server http://localhost:3000 "
                               "--username NAME");
    }
  }
  return Client::Create(std::move(connection));
}

std::string ToJsonLine(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(message, &text, options).ok()) return "{}";
  return text;
}

void Print(const CommandLine& line, const google::protobuf::Message& message,
           std::string_view text) {
  if (line.json) {
    std::cout << ToJsonLine(message) << std::endl;
  } else {
    std::cout << text << std::endl;
  }
}

void AddCommonOptions(CommandLine& line, CLI::App& command) {
  command.add_flag("--json", line.json, "Print JSON, one object a line");
  command.add_option("--server", line.server, "Address of the server (HEIM_SERVER)");
  command.add_option("--token", line.token, "Credential (HEIM_TOKEN); else the saved login");
  command.add_option("--workspace", line.workspace, "Workspace by id or slug (HEIM_WORKSPACE)");
}

}  // namespace heim
