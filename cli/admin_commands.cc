// heim admin actor | workspace | channel: what a self-hoster does on day one.
#include <cstdlib>
#include <iostream>

#include "absl/strings/ascii.h"
#include "cli/admin_parts.h"
#include "cli/command.h"
#include "server/base/entropy.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

struct AdminOptions {
  std::string actor;
  std::string channel;
  std::string username;
  std::string display_name;
  std::string email;
  std::string role;
  std::string name;
  std::string topic;
  std::string query;
  bool private_channel = false;
  bool all = false;
};

std::string TypeText(v1::ActorType type) {
  return absl::AsciiStrToLower(v1::ActorType_Name(type).substr(sizeof("ACTOR_TYPE_") - 1));
}

absl::Status ListActors(const CommandLine& line, const AdminOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  v1::ListActorsRequest request;
  request.set_q(options.query);
  request.set_include_deactivated(options.all);
  request.set_limit(200);
  while (true) {
    HEIM_ASSIGN_OR_RETURN(
        const v1::ListActorsResponse page,
        client->Call(&v1::ActorService::Stub::ListActors, client->actors(), request));
    for (const v1::Actor& actor : page.actors()) {
      Print(line, actor,
            StrCat("@", actor.username(), "  ", TypeText(actor.type()), "  ", actor.display_name(),
                   actor.has_deleted_at() ? "  (deactivated)" : ""));
    }
    if (!page.has_more()) return absl::OkStatus();
    request.set_cursor(page.next_cursor());
  }
}

absl::Status CreateActor(const CommandLine& line, const AdminOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  v1::CreateActorRequest request;
  request.set_type(v1::ACTOR_TYPE_HUMAN);
  request.set_username(options.username);
  request.set_display_name(options.display_name);
  request.set_email(options.email);
  HEIM_ASSIGN_OR_RETURN(
      const auto role,
      ParseRole<v1::WorkspaceRole>(options.role, "WORKSPACE_ROLE_", &v1::WorkspaceRole_Parse));
  request.set_role(role);
  const char* given = std::getenv("HEIM_PASSWORD");
  SystemEntropy entropy;
  const std::string password = given != nullptr ? given : RandomBase62(entropy, 16);
  request.set_password(password);
  HEIM_ASSIGN_OR_RETURN(
      const v1::CreateActorResponse response,
      client->Call(&v1::ActorService::Stub::CreateActor, client->actors(), request));
  Print(line, response.actor(), StrCat("@", response.actor().username(), " can log in now"));
  if (given == nullptr) {
    // On stderr, so that --json output can be kept without it.
    std::cerr << "password, shown only now: " << password << std::endl;
  }
  return absl::OkStatus();
}

absl::Status DeactivateActor(const CommandLine& line, const AdminOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  HEIM_ASSIGN_OR_RETURN(const v1::Actor actor, client->FindActor(options.actor));
  v1::DeactivateActorRequest request;
  request.set_actor_id(actor.id());
  HEIM_ASSIGN_OR_RETURN(
      const v1::DeactivateActorResponse response,
      client->Call(&v1::ActorService::Stub::DeactivateActor, client->actors(), request));
  Print(line, response.actor(), StrCat("@", response.actor().username(), " is deactivated"));
  return absl::OkStatus();
}

absl::Status ShowWorkspace(const CommandLine& line) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, CurrentWorkspace(*client));
  Print(line, workspace, StrCat(workspace.name(), "  (", workspace.slug(), ")  ", workspace.id()));
  return absl::OkStatus();
}

absl::Status CreateWorkspace(const CommandLine& line, const AdminOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  v1::CreateWorkspaceRequest request;
  request.set_name(options.name);
  HEIM_ASSIGN_OR_RETURN(
      const v1::CreateWorkspaceResponse response,
      client->Call(&v1::WorkspaceService::Stub::CreateWorkspace, client->workspaces(), request));
  Print(line, response.workspace(),
        StrCat(response.workspace().name(), " is ready; use it with --workspace ",
               response.workspace().slug()));
  return absl::OkStatus();
}

absl::Status RenameWorkspace(const CommandLine& line, const AdminOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, CurrentWorkspace(*client));
  v1::UpdateWorkspaceRequest request;
  request.set_workspace_id(workspace.id());
  request.mutable_workspace()->set_name(options.name);
  request.mutable_update_mask()->add_paths("name");
  HEIM_ASSIGN_OR_RETURN(
      const v1::UpdateWorkspaceResponse response,
      client->Call(&v1::WorkspaceService::Stub::UpdateWorkspace, client->workspaces(), request));
  Print(line, response.workspace(), StrCat("renamed to ", response.workspace().name()));
  return absl::OkStatus();
}

absl::Status ListWorkspaceMembers(const CommandLine& line) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, CurrentWorkspace(*client));
  v1::ListWorkspaceMembersRequest request;
  request.set_workspace_id(workspace.id());
  request.set_limit(200);
  while (true) {
    HEIM_ASSIGN_OR_RETURN(const v1::ListWorkspaceMembersResponse page,
                          client->Call(&v1::WorkspaceService::Stub::ListWorkspaceMembers,
                                       client->workspaces(), request));
    for (const v1::WorkspaceMember& member : page.members()) {
      Print(line, member, StrCat("@", member.actor().username(), "  ", RoleText(member.role())));
    }
    if (!page.has_more()) return absl::OkStatus();
    request.set_cursor(page.next_cursor());
  }
}

absl::Status SetRole(const CommandLine& line, const AdminOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, CurrentWorkspace(*client));
  HEIM_ASSIGN_OR_RETURN(const v1::Actor actor, client->FindActor(options.actor));
  v1::UpdateWorkspaceMemberRequest request;
  request.set_workspace_id(workspace.id());
  request.set_actor_id(actor.id());
  HEIM_ASSIGN_OR_RETURN(
      const auto role,
      ParseRole<v1::WorkspaceRole>(options.role, "WORKSPACE_ROLE_", &v1::WorkspaceRole_Parse));
  request.set_role(role);
  HEIM_ASSIGN_OR_RETURN(const v1::UpdateWorkspaceMemberResponse response,
                        client->Call(&v1::WorkspaceService::Stub::UpdateWorkspaceMember,
                                     client->workspaces(), request));
  Print(line, response.member(),
        StrCat("@", actor.username(), " is ", RoleText(response.member().role()), " now"));
  return absl::OkStatus();
}

absl::Status CreateChannel(const CommandLine& line, const AdminOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  v1::CreateChannelRequest request;
  request.set_name(options.name);
  request.set_topic(options.topic);
  request.set_type(options.private_channel ? v1::CHANNEL_TYPE_PRIVATE : v1::CHANNEL_TYPE_PUBLIC);
  HEIM_ASSIGN_OR_RETURN(
      const v1::CreateChannelResponse response,
      client->Call(&v1::ChannelService::Stub::CreateChannel, client->channels(), request));
  Print(line, response.channel(), StrCat("#", response.channel().name(), " is ready"));
  return absl::OkStatus();
}

absl::Status ArchiveChannel(const CommandLine& line, const AdminOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  HEIM_ASSIGN_OR_RETURN(const v1::Channel channel, client->FindChannel(options.channel));
  v1::ArchiveChannelRequest request;
  request.set_channel_id(channel.id());
  HEIM_ASSIGN_OR_RETURN(
      const v1::ArchiveChannelResponse response,
      client->Call(&v1::ChannelService::Stub::ArchiveChannel, client->channels(), request));
  Print(line, response.channel(), StrCat("#", channel.name(), " is archived"));
  return absl::OkStatus();
}

absl::Status AddMember(const CommandLine& line, const AdminOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  HEIM_ASSIGN_OR_RETURN(const v1::Channel channel, client->FindChannel(options.channel));
  HEIM_ASSIGN_OR_RETURN(const v1::Actor actor, client->FindActor(options.actor));
  v1::AddMemberRequest request;
  request.set_channel_id(channel.id());
  request.set_actor_id(actor.id());
  HEIM_ASSIGN_OR_RETURN(const auto role, ParseRole<v1::ChannelRole>(options.role, "CHANNEL_ROLE_",
                                                                    &v1::ChannelRole_Parse));
  request.set_role(role);
  HEIM_ASSIGN_OR_RETURN(
      const v1::AddMemberResponse response,
      client->Call(&v1::ChannelService::Stub::AddMember, client->channels(), request));
  Print(line, response.member(), StrCat("@", actor.username(), " is in #", channel.name(), " now"));
  return absl::OkStatus();
}

absl::Status RemoveMember(const CommandLine& line, const AdminOptions& options) {
  HEIM_ASSIGN_OR_RETURN(const auto client, Connect(line, Who::kPerson));
  HEIM_ASSIGN_OR_RETURN(const v1::Channel channel, client->FindChannel(options.channel));
  HEIM_ASSIGN_OR_RETURN(const v1::Actor actor, client->FindActor(options.actor));
  v1::RemoveMemberRequest request;
  request.set_channel_id(channel.id());
  request.set_actor_id(actor.id());
  HEIM_ASSIGN_OR_RETURN(
      const v1::RemoveMemberResponse response,
      client->Call(&v1::ChannelService::Stub::RemoveMember, client->channels(), request));
  Print(line, response.member(), StrCat("@", actor.username(), " is out of #", channel.name()));
  return absl::OkStatus();
}

using Options = std::shared_ptr<AdminOptions>;

// A command below `parent` that runs `run` with the shared options.
CLI::App* Add(CommandLine& line, CLI::App& parent, const char* name, const char* help,
              absl::Status (*run)(const CommandLine&, const AdminOptions&),
              const Options& options) {
  CLI::App* command = parent.add_subcommand(name, help);
  AddCommonOptions(line, *command);
  command->callback(
      [&line, run, options] { line.run = [&line, run, options] { return run(line, *options); }; });
  return command;
}

void AddActorCommands(CommandLine& line, CLI::App& admin, const Options& options) {
  CLI::App* actor = admin.add_subcommand("actor", "People and agents");
  actor->require_subcommand(1);
  CLI::App* list = Add(line, *actor, "list", "List the members", &ListActors, options);
  list->add_option("query", options->query, "Part of a name");
  list->add_flag("--all", options->all, "Deactivated ones too");
  CLI::App* create = Add(line, *actor, "create",
                         "Make a person; the password comes from HEIM_PASSWORD, else it is made up",
                         &CreateActor, options);
  create->add_option("username", options->username, "Handle")->required();
  create->add_option("--display-name", options->display_name, "Name for people");
  create->add_option("--email", options->email, "E-mail address to log in with");
  create->add_option("--role", options->role, "owner, admin, member or guest");
  CLI::App* end =
      Add(line, *actor, "deactivate", "End somebody's access", &DeactivateActor, options);
  end->add_option("actor", options->actor, "Actor by name or id")->required();
  AddResetCommand(line, *actor);
}

void AddWorkspaceCommands(CommandLine& line, CLI::App& admin, const Options& options) {
  CLI::App* workspace = admin.add_subcommand("workspace", "The team");
  workspace->require_subcommand(1);
  Add(
      line, *workspace, "show", "Show it",
      [](const CommandLine& l, const AdminOptions&) { return ShowWorkspace(l); }, options);
  Add(
      line, *workspace, "members", "List members and roles",
      [](const CommandLine& l, const AdminOptions&) { return ListWorkspaceMembers(l); }, options);
  CLI::App* create = Add(line, *workspace, "create", "Make another one", &CreateWorkspace, options);
  create->add_option("name", options->name, "Name")->required();
  CLI::App* rename = Add(line, *workspace, "rename", "Rename it", &RenameWorkspace, options);
  rename->add_option("name", options->name, "New name")->required();
  CLI::App* role = Add(line, *workspace, "role", "Change somebody's role", &SetRole, options);
  role->add_option("actor", options->actor, "Actor by name or id")->required();
  role->add_option("role", options->role, "owner, admin, member or guest")->required();
}

void AddChannelCommands(CommandLine& line, CLI::App& admin, const Options& options) {
  CLI::App* channel = admin.add_subcommand("channel", "Channels and their members");
  channel->require_subcommand(1);
  CLI::App* create = Add(line, *channel, "create", "Make one", &CreateChannel, options);
  create->add_option("name", options->name, "Name")->required();
  create->add_option("--topic", options->topic, "What is being talked about");
  create->add_flag("--private", options->private_channel, "Only members may find it");
  CLI::App* archive =
      Add(line, *channel, "archive", "Make one read-only", &ArchiveChannel, options);
  archive->add_option("channel", options->channel, "Channel by name or id")->required();
  CLI::App* add = Add(line, *channel, "add", "Add somebody", &AddMember, options);
  add->add_option("channel", options->channel, "Channel by name or id")->required();
  add->add_option("actor", options->actor, "Actor by name or id")->required();
  add->add_option("--role", options->role, "owner, admin, member, viewer or guest");
  CLI::App* remove = Add(line, *channel, "remove", "Take somebody out", &RemoveMember, options);
  remove->add_option("channel", options->channel, "Channel by name or id")->required();
  remove->add_option("actor", options->actor, "Actor by name or id")->required();
}

}  // namespace

void AddAdminCommands(CommandLine& line) {
  auto options = std::make_shared<AdminOptions>();
  CLI::App* admin = line.app.add_subcommand("admin", "Manage people, the workspace and channels");
  admin->require_subcommand(1);
  AddActorCommands(line, *admin, options);
  AddWorkspaceCommands(line, *admin, options);
  AddChannelCommands(line, *admin, options);
  AddInviteCommands(line, *admin);
  AddOperatorCommands(line, *admin);
  AddTransferCommands(line, *admin);
}

}  // namespace heim
