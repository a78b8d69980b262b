// heim agent register | send | keys: agents and their credentials. `connect` has a file of its own.
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/agent_options.h"
#include "cli/command.h"
#include "cli/login_file.h"
#include "google/protobuf/util/json_util.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

absl::Status Register(const CommandLine& line, const AgentOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  v1::RegisterAgentRequest request;
  request.set_username(options.name);
  request.set_display_name(options.display_name);
  request.set_description(options.description);
  request.set_framework(options.framework);
  request.set_model(options.model);
  for (const std::string& capability : options.capabilities) request.add_capabilities(capability);
  for (const std::string& scope : options.scopes) request.add_scopes(scope);
  HEIM_ASSIGN_OR_RETURN(
      const v1::RegisterAgentResponse response,
      client->Call(&v1::AgentService::Stub::RegisterAgent, client->agents(), request));
  HEIM_ASSIGN_OR_RETURN(SavedLogin saved, LoadLogin());
  if (saved.server.empty()) saved.server = client->connection().server;
  saved.agent_token = response.api_key();
  saved.agent_name = response.agent().username();
  HEIM_RETURN_IF_ERROR(SaveLogin(saved));
  Print(
      line, response,
      StrCat("Agent @", response.agent().username(), " is registered.\n",
             "Its token, shown only now (and saved for this machine's heim agent commands):\n\n  ",
             response.api_key(), "\n\n  next: heim agent connect -- ./my-agent"));
  return absl::OkStatus();
}

// One message of `heim agent send`: a JSON object with the fields of a message, or a line of text.
absl::StatusOr<v1::SendMessageRequest> ParseLine(const std::string& text) {
  v1::SendMessageRequest request;
  if (!text.empty() && text.front() == '{') {
    const auto status = google::protobuf::util::JsonStringToMessage(text, &request);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          StrCat("the line is not a message: ", std::string(status.message()),
                 "\n  it should look like {\"content\": \"Hello!\"}"));
    }
    return request;
  }
  request.set_content(text);
  return request;
}

absl::Status Send(const CommandLine& line, const AgentOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kAgent));
  HEIM_ASSIGN_OR_RETURN(const v1::Channel channel, client->FindChannel(options.channel));
  std::string text;
  while (std::getline(std::cin, text)) {
    if (text.empty()) continue;
    HEIM_ASSIGN_OR_RETURN(v1::SendMessageRequest request, ParseLine(text));
    request.set_channel_id(channel.id());
    if (!options.thread.empty()) request.set_thread_id(options.thread);
    HEIM_ASSIGN_OR_RETURN(
        const v1::SendMessageResponse response,
        client->Call(&v1::MessageService::Stub::SendMessage, client->messages(), request));
    Print(line, response.message(), StrCat("sent ", response.message().id()));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> AgentId(Client& client, const std::string& name) {
  HEIM_ASSIGN_OR_RETURN(const v1::Actor actor, client.FindActor(name));
  return actor.id();
}

absl::Status ListKeys(const CommandLine& line, const AgentOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  v1::ListAgentKeysRequest request;
  request.set_limit(200);
  HEIM_ASSIGN_OR_RETURN(*request.mutable_agent_id(), AgentId(*client, options.agent));
  HEIM_ASSIGN_OR_RETURN(
      const v1::ListAgentKeysResponse response,
      client->Call(&v1::AgentService::Stub::ListAgentKeys, client->agents(), request));
  for (const v1::ApiKey& key : response.keys()) {
    Print(line, key,
          StrCat(key.id(), "  ", key.prefix(), "…  ", key.label(),
                 key.has_revoked_at() ? "  (revoked)" : ""));
  }
  return absl::OkStatus();
}

absl::Status CreateKey(const CommandLine& line, const AgentOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  v1::CreateAgentKeyRequest request;
  HEIM_ASSIGN_OR_RETURN(*request.mutable_agent_id(), AgentId(*client, options.agent));
  request.set_label(options.label);
  for (const std::string& scope : options.scopes) request.add_scopes(scope);
  HEIM_ASSIGN_OR_RETURN(
      const v1::CreateAgentKeyResponse response,
      client->Call(&v1::AgentService::Stub::CreateAgentKey, client->agents(), request));
  Print(line, response, response.api_key());
  return absl::OkStatus();
}

absl::Status RevokeKey(const CommandLine& line, const AgentOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  v1::RevokeAgentKeyRequest request;
  HEIM_ASSIGN_OR_RETURN(*request.mutable_agent_id(), AgentId(*client, options.agent));
  request.set_key_id(options.key);
  HEIM_ASSIGN_OR_RETURN(
      const v1::RevokeAgentKeyResponse response,
      client->Call(&v1::AgentService::Stub::RevokeAgentKey, client->agents(), request));
  Print(line, response.key(), StrCat("revoked ", response.key().id()));
  return absl::OkStatus();
}

void AddKeyCommands(CommandLine& line, CLI::App& agent,
                    const std::shared_ptr<AgentOptions>& options) {
  CLI::App* keys = agent.add_subcommand("keys", "An agent's keys: list, create, revoke");
  keys->require_subcommand(1);
  CLI::App* list = keys->add_subcommand("list", "List the keys of an agent");
  AddCommonOptions(line, *list);
  list->add_option("agent", options->agent, "Agent by name or id")->required();
  list->callback(
      [&line, options] { line.run = [&line, options] { return ListKeys(line, *options); }; });

  CLI::App* create = keys->add_subcommand("create", "Make a further key; prints it once");
  AddCommonOptions(line, *create);
  create->add_option("agent", options->agent, "Agent by name or id")->required();
  create->add_option("--label", options->label, "What it is for");
  create->add_option("--scopes", options->scopes, "Scopes, separated by commas")->delimiter(',');
  create->callback(
      [&line, options] { line.run = [&line, options] { return CreateKey(line, *options); }; });

  CLI::App* revoke = keys->add_subcommand("revoke", "End a key and its connections");
  AddCommonOptions(line, *revoke);
  revoke->add_option("agent", options->agent, "Agent by name or id")->required();
  revoke->add_option("key", options->key, "Id of the key")->required();
  revoke->callback(
      [&line, options] { line.run = [&line, options] { return RevokeKey(line, *options); }; });
}

}  // namespace

void AddAgentCommands(CommandLine& line) {
  auto options = std::make_shared<AgentOptions>();
  CLI::App* agent = line.app.add_subcommand("agent", "Register, connect and feed agents");
  agent->require_subcommand(1);

  CLI::App* reg = agent->add_subcommand("register", "Make an agent and print its token");
  AddCommonOptions(line, *reg);
  reg->add_option("--name", options->name, "Handle of the agent")->required();
  reg->add_option("--display-name", options->display_name, "Name for people");
  reg->add_option("--description", options->description, "What it does");
  reg->add_option("--capabilities", options->capabilities, "Separated by commas")->delimiter(',');
  reg->add_option("--framework", options->framework, "Framework it runs on");
  reg->add_option("--model", options->model, "Model it uses");
  reg->add_option("--scopes", options->scopes, "Scopes of its token, by commas")->delimiter(',');
  reg->callback(
      [&line, options] { line.run = [&line, options] { return Register(line, *options); }; });

  CLI::App* send = agent->add_subcommand(
      "send", "Send what stdin holds, a message a line: {\"content\": \"Hello!\"} or plain text");
  AddCommonOptions(line, *send);
  send->add_option("--channel", options->channel, "Channel by name or id")->required();
  send->add_option("--thread", options->thread, "Message to reply to");
  send->callback(
      [&line, options] { line.run = [&line, options] { return Send(line, *options); }; });

  CLI::App* connect = agent->add_subcommand(
      "connect", "Run a program as the agent: messages to it on stdin, its lines as replies");
  AddCommonOptions(line, *connect);
  connect->add_flag("--stream", options->stream, "Stream the program's output as it is written");
  connect->add_option("command", options->command, "-- PROGRAM ARGS…; none: this terminal");
  connect->callback(
      [&line, options] { line.run = [&line, options] { return ConnectAgent(line, *options); }; });

  AddKeyCommands(line, *agent, options);
}

}  // namespace heim
