// heim login, heim setup, heim logout: who the other commands speak for.
#include <termios.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>

#include "cli/command.h"
#include "cli/login_file.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

struct LoginOptions {
  std::string username;
  bool password_stdin = false;
  std::string setup_token;
  std::string workspace_name;
  std::string display_name;
};

// Asks on the terminal without showing what is typed; reads a line from a pipe.
std::string ReadSecret(const char* prompt) {
  const bool terminal = isatty(STDIN_FILENO) != 0;
  termios before{};
  if (terminal) {
    std::cerr << prompt << std::flush;
    tcgetattr(STDIN_FILENO, &before);
    termios silent = before;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    tcsetattr(STDIN_FILENO, TCSANOW, &silent);
  }
  std::string secret;
  std::getline(std::cin, secret);
  if (terminal) {
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    std::cerr << std::endl;
  }
  return secret;
}

std::string Password(const LoginOptions& options) {
  const char* variable = std::getenv("HEIM_PASSWORD");
  if (variable != nullptr && !options.password_stdin) return variable;
  return ReadSecret("Password: ");
}

absl::Status Save(const Client& client, const std::string& token, const v1::Actor& actor) {
  HEIM_ASSIGN_OR_RETURN(SavedLogin saved, LoadLogin());
  if (saved.server != client.connection().server) saved = SavedLogin{};
  saved.server = client.connection().server;
  saved.token = token;
  saved.username = actor.username();
  return SaveLogin(saved);
}

absl::Status Login(const CommandLine& line, const LoginOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kNobody));
  v1::LoginRequest request;
  const bool email = options.username.find('@') != std::string::npos;
  (email ? *request.mutable_email() : *request.mutable_username()) = options.username;
  request.set_password(Password(options));
  HEIM_ASSIGN_OR_RETURN(const v1::LoginResponse response,
                        client->Call(&v1::AuthService::Stub::Login, client->auth(), request));
  HEIM_RETURN_IF_ERROR(Save(*client, response.token(), response.actor()));
  Print(line, response.actor(),
        StrCat("Logged in as ", response.actor().username(), " at ", client->connection().server,
               "\n  next: heim channels"));
  return absl::OkStatus();
}

absl::Status Setup(const CommandLine& line, const LoginOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kNobody));
  v1::RegisterRequest request;
  request.set_username(options.username);
  request.set_display_name(options.display_name);
  request.set_workspace_name(options.workspace_name);
  request.set_setup_token(options.setup_token);
  request.set_password(Password(options));
  HEIM_ASSIGN_OR_RETURN(const v1::RegisterResponse response,
                        client->Call(&v1::AuthService::Stub::Register, client->auth(), request));
  HEIM_RETURN_IF_ERROR(Save(*client, response.token(), response.actor()));
  Print(line, response.actor(),
        StrCat("Workspace \"", response.workspace().name(), "\" is ready; you are logged in as ",
               response.actor().username(), "\n  next: heim agent register --name my-agent"));
  return absl::OkStatus();
}

absl::Status Logout(const CommandLine& line) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  HEIM_RETURN_IF_ERROR(
      client->Call(&v1::AuthService::Stub::Logout, client->auth(), v1::LogoutRequest()).status());
  HEIM_ASSIGN_OR_RETURN(SavedLogin saved, LoadLogin());
  saved.token.clear();
  saved.username.clear();
  HEIM_RETURN_IF_ERROR(SaveLogin(saved));
  if (!line.json) std::cout << "Logged out" << std::endl;
  return absl::OkStatus();
}

}  // namespace

void AddLoginCommands(CommandLine& line) {
  auto options = std::make_shared<LoginOptions>();
  CLI::App* login = line.app.add_subcommand("login", "Log in and save the session (mode 0600)");
  AddCommonOptions(line, *login);
  login->add_option("--username,-u", options->username, "Username or e-mail address")->required();
  login->add_flag("--password-stdin", options->password_stdin, "Read the password from stdin");
  login->callback(
      [&line, options] { line.run = [&line, options] { return Login(line, *options); }; });

  CLI::App* setup =
      line.app.add_subcommand("setup", "Make the first account with the token of the set-up link");
  AddCommonOptions(line, *setup);
  setup->add_option("--setup-token", options->setup_token, "Token of the set-up link")->required();
  setup->add_option("--username,-u", options->username, "Your handle")->required();
  setup->add_option("--display-name", options->display_name, "Your name");
  setup->add_option("--workspace-name", options->workspace_name, "Name of the team");
  setup->add_flag("--password-stdin", options->password_stdin, "Read the password from stdin");
  setup->callback(
      [&line, options] { line.run = [&line, options] { return Setup(line, *options); }; });

  CLI::App* logout = line.app.add_subcommand("logout", "End the saved session");
  AddCommonOptions(line, *logout);
  logout->callback([&line] { line.run = [&line] { return Logout(line); }; });
}

}  // namespace heim
