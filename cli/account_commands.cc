// heim admin actor reset-password, heim admin invite: links that an admin hands to people; heim
// admin reset-password: one that the operator of the machine makes; heim admin actor erase.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "cli/admin_parts.h"
#include "cli/command.h"
#include "heim/v1/erasure_service.grpc.pb.h"
#include "heim/v1/invite_service.grpc.pb.h"
#include "heim/v1/password_reset_service.grpc.pb.h"
#include "server/base/clock.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

struct AccountOptions {
  std::string actor;
  std::string invite;
  std::string role;
  std::string email;
  std::string note;
  std::vector<std::string> channels;
  uint32_t max_uses = 0;
  int days = 0;
  bool all = false;
  bool anonymise = false;
  std::string confirm;
};

// A server that does not know its address answers a path.
std::string FullUrl(const Client& client, std::string_view url) {
  if (!StartsWith(url, "/")) return std::string(url);
  std::string server = client.connection().server;
  while (!server.empty() && server.back() == '/') server.pop_back();
  return StrCat(server, url);
}

absl::Status ResetPassword(const CommandLine& line, const AccountOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  HEIM_ASSIGN_OR_RETURN(const v1::Actor actor, client->FindActor(options.actor));
  const auto stub = v1::PasswordResetService::NewStub(client->channel());
  v1::CreatePasswordResetRequest request;
  request.set_actor_id(actor.id());
  HEIM_ASSIGN_OR_RETURN(
      v1::CreatePasswordResetResponse response,
      client->Call(&v1::PasswordResetService::Stub::CreatePasswordReset, *stub, request));
  response.set_reset_url(FullUrl(*client, response.reset_url()));
  Print(line, response, response.reset_url());
  return absl::OkStatus();
}

// Ends with what was asked for; what is left goes behind.
absl::Status EraseActor(const CommandLine& line, const AccountOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  HEIM_ASSIGN_OR_RETURN(const v1::Actor actor, client->FindActor(options.actor));
  if (options.confirm != actor.username()) {
    return absl::InvalidArgumentError(
        StrCat("this cannot be undone: say --confirm ", actor.username(), " if you mean it"));
  }
  const auto stub = v1::ErasureService::NewStub(client->channel());
  v1::EraseActorRequest request;
  request.set_actor_id(actor.id());
  request.set_confirm(options.confirm);
  request.set_messages(options.anonymise ? v1::ERASED_MESSAGES_ANONYMISE
                                         : v1::ERASED_MESSAGES_DELETE);
  HEIM_ASSIGN_OR_RETURN(const v1::EraseActorResponse response,
                        client->Call(&v1::ErasureService::Stub::EraseActor, *stub, request));
  Print(line, response.erasure(), StrCat("being erased: ", response.erasure().id()));
  return absl::OkStatus();
}

std::string Describe(const v1::Invite& invite) {
  const std::string of = invite.max_uses() == 0 ? "" : StrCat(" of ", invite.max_uses());
  return StrCat(invite.id(), "  ", invite.code_prefix(), "…  ", RoleText(invite.role()), "  used ",
                invite.use_count(), of, invite.has_revoked_at() ? "  (revoked)" : "",
                invite.note().empty() ? "" : "  ", invite.note());
}

absl::Status CreateInvite(const CommandLine& line, const AccountOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, CurrentWorkspace(*client));
  v1::CreateInviteRequest request;
  request.set_workspace_id(workspace.id());
  HEIM_ASSIGN_OR_RETURN(
      const auto role,
      ParseRole<v1::WorkspaceRole>(options.role, "WORKSPACE_ROLE_", &v1::WorkspaceRole_Parse));
  request.set_role(role);
  for (const std::string& name : options.channels) {
    HEIM_ASSIGN_OR_RETURN(const v1::Channel channel, client->FindChannel(name));
    request.add_channel_ids(channel.id());
  }
  request.set_max_uses(options.max_uses);
  request.set_email(options.email);
  request.set_note(options.note);
  if (options.days != 0) {
    const absl::Time end = SystemClock().Now() + absl::Hours(24 * options.days);
    request.mutable_expires_at()->set_seconds(absl::ToUnixSeconds(end));
  }
  const auto stub = v1::InviteService::NewStub(client->channel());
  HEIM_ASSIGN_OR_RETURN(v1::CreateInviteResponse response,
                        client->Call(&v1::InviteService::Stub::CreateInvite, *stub, request));
  response.set_url(FullUrl(*client, response.url()));
  Print(line, response, response.url());
  return absl::OkStatus();
}

absl::Status ListInvites(const CommandLine& line, const AccountOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, CurrentWorkspace(*client));
  const auto stub = v1::InviteService::NewStub(client->channel());
  v1::ListInvitesRequest request;
  request.set_workspace_id(workspace.id());
  request.set_include_ended(options.all);
  while (true) {
    HEIM_ASSIGN_OR_RETURN(const v1::ListInvitesResponse page,
                          client->Call(&v1::InviteService::Stub::ListInvites, *stub, request));
    for (const v1::Invite& invite : page.invites()) Print(line, invite, Describe(invite));
    if (!page.has_more()) return absl::OkStatus();
    request.set_cursor(page.next_cursor());
  }
}

absl::Status RevokeInvite(const CommandLine& line, const AccountOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, CurrentWorkspace(*client));
  const auto stub = v1::InviteService::NewStub(client->channel());
  v1::RevokeInviteRequest request;
  request.set_workspace_id(workspace.id());
  request.set_invite_id(options.invite);
  HEIM_ASSIGN_OR_RETURN(const v1::RevokeInviteResponse response,
                        client->Call(&v1::InviteService::Stub::RevokeInvite, *stub, request));
  Print(line, response.invite(), Describe(response.invite()));
  return absl::OkStatus();
}

using Options = std::shared_ptr<AccountOptions>;

CLI::App* Add(CommandLine& line, CLI::App& parent, const char* name, const char* help,
              absl::Status (*run)(const CommandLine&, const AccountOptions&),
              const Options& options) {
  CLI::App* command = parent.add_subcommand(name, help);
  AddCommonOptions(line, *command);
  command->callback(
      [&line, run, options] { line.run = [&line, run, options] { return run(line, *options); }; });
  return command;
}

}  // namespace

void AddResetCommand(CommandLine& line, CLI::App& actor) {
  const auto options = std::make_shared<AccountOptions>();
  CLI::App* reset =
      Add(line, actor, "reset-password", "Print a link by which somebody sets a new password",
          &ResetPassword, options);
  reset->add_option("actor", options->actor, "Person by name or id")->required();
  CLI::App* erase =
      Add(line, actor, "erase", "Erase somebody and what it left, for ever", &EraseActor, options);
  erase->add_option("actor", options->actor, "Actor by name or id")->required();
  erase->add_option("--confirm", options->confirm, "Its username once more");
  erase->add_flag("--anonymise", options->anonymise, "Keep what it said, without its name");
}

void AddOperatorCommands(CommandLine& line, CLI::App& admin) {
  CLI::App* reset = admin.add_subcommand(
      "reset-password",
      "On the server's machine, with its settings: print a link by which somebody, even the only "
      "owner, sets a new password");
  AddCommonOptions(line, *reset);
  auto username = std::make_shared<std::string>();
  reset->add_option("username", *username, "Handle")->required();
  reset->callback([&line, username] {
    line.run = [&line, username]() -> absl::Status {
      std::string report;
      if (line.host->reset_link(*username, &report) != 0) {
        return absl::FailedPreconditionError(report);
      }
      v1::CreatePasswordResetResponse response;
      response.set_reset_url(report);
      Print(line, response, report);
      return absl::OkStatus();
    };
  });
}

void AddInviteCommands(CommandLine& line, CLI::App& admin) {
  const auto options = std::make_shared<AccountOptions>();
  CLI::App* invite = admin.add_subcommand("invite", "Links that let people in");
  invite->require_subcommand(1);
  CLI::App* create = Add(line, *invite, "create", "Print a link", &CreateInvite, options);
  create->add_option("--role", options->role, "owner, admin, member or guest");
  create->add_option("--channel", options->channels, "A channel to join; may be repeated");
  create->add_option("--max-uses", options->max_uses, "How often it can be used");
  create->add_option("--days", options->days, "For how many days; 7 when not given")
      ->check(CLI::Range(1, 366));
  create->add_option("--email", options->email, "The only account that may use it");
  create->add_option("--note", options->note, "What it is for");
  CLI::App* list = Add(line, *invite, "list", "List them", &ListInvites, options);
  list->add_flag("--all", options->all, "Those that have ended too");
  CLI::App* revoke = Add(line, *invite, "revoke", "End one", &RevokeInvite, options);
  revoke->add_option("id", options->invite, "Its id, as listed")->required();
}

}  // namespace heim
