#include "server/service/joining.h"

#include <algorithm>
#include <utility>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/base/unicode.h"
#include "server/model/errors.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/model/validate.h"

namespace heim {
namespace {

constexpr size_t kSlugMaxChars = 40;
constexpr int kSlugTries = 100;

v1::Event WorkspaceEvent(const Acting& acting) {
  v1::Event event;
  event.set_actor_id(acting.by.str());
  *event.mutable_timestamp() = ToTimestamp(acting.at);
  return event;
}

absl::Status MakeDefaultChannel(WriteTx& tx, const Acting& acting, const v1::Workspace& workspace,
                                const ChannelId& id) {
  v1::Channel channel;
  channel.set_id(id.str());
  channel.set_workspace_id(workspace.id());
  channel.set_name("general");
  channel.set_type(v1::CHANNEL_TYPE_PUBLIC);
  channel.set_created_by(acting.by.str());
  *channel.mutable_created_at() = ToTimestamp(acting.at);
  *channel.mutable_updated_at() = channel.created_at();
  channel.set_revision(1);
  channel.set_history_visibility(v1::HISTORY_VISIBILITY_ALL);
  HEIM_RETURN_IF_ERROR(tx.channels.Insert(channel, ""));
  v1::Event event = ChannelEvent(acting, id);
  *event.mutable_channel_created()->mutable_channel() = std::move(channel);
  return tx.Emit(WorkspaceId(workspace.id()), std::move(event)).status();
}

}  // namespace

absl::StatusOr<v1::WorkspaceRole> GrantedRole(v1::WorkspaceRole asked, v1::WorkspaceRole own) {
  if (asked == v1::WORKSPACE_ROLE_UNSPECIFIED) asked = v1::WORKSPACE_ROLE_MEMBER;
  if (!MayGrant(own, asked)) return WorkspaceRoleRequired(asked);
  return asked;
}

std::string CleanDisplayName(std::string_view name, std::string_view otherwise) {
  const std::string clean = NormalizeNfc(StripUnsafeControls(name));
  const size_t first = clean.find_first_not_of(' ');
  if (first == std::string::npos) return std::string(otherwise);
  return clean.substr(first, clean.find_last_not_of(' ') - first + 1);
}

v1::Actor NewActor(const ActorId& id, v1::ActorType type, std::string_view username,
                   std::string_view display_name, absl::Time now) {
  v1::Actor actor;
  actor.set_id(id.str());
  actor.set_type(type);
  actor.set_username(std::string(username));
  actor.set_display_name(CleanDisplayName(display_name, username));
  actor.set_presence(v1::PRESENCE_OFFLINE);
  *actor.mutable_created_at() = ToTimestamp(now);
  *actor.mutable_updated_at() = actor.created_at();
  actor.set_revision(1);
  if (type == v1::ACTOR_TYPE_AGENT) actor.mutable_agent()->set_activity(v1::AGENT_ACTIVITY_IDLE);
  return actor;
}

absl::Status CheckUsernameFree(std::string_view username) {
  if (!IsReservedUsername(username)) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_USERNAME_TAKEN, "The username is reserved");
}

absl::Status JoinWorkspace(WriteTx& tx, const Acting& acting, const v1::Workspace& workspace,
                           const v1::Actor& actor, v1::WorkspaceRole role) {
  const WorkspaceId id(workspace.id());
  const ActorId actor_id(actor.id());
  HEIM_RETURN_IF_ERROR(tx.workspaces.InsertMember(id, actor_id, role, acting.at));
  v1::Event event = WorkspaceEvent(acting);
  *event.mutable_actor_created()->mutable_actor() = actor;
  HEIM_RETURN_IF_ERROR(tx.Emit(id, std::move(event)).status());
  const ChannelId channel = DefaultChannelOf(workspace);
  if (channel.empty() || role == v1::WORKSPACE_ROLE_GUEST) return absl::OkStatus();
  return AddToChannel(tx, acting, channel, actor_id, v1::CHANNEL_ROLE_MEMBER).status();
}

absl::StatusOr<v1::Workspace> FoundWorkspace(WriteTx& tx, const Acting& acting,
                                             const NewWorkspace& description,
                                             const v1::Actor& owner) {
  v1::Workspace workspace;
  workspace.set_id(description.id.str());
  workspace.set_name(description.name);
  workspace.set_slug(description.slug);
  workspace.set_owner_id(owner.id());
  (*workspace.mutable_settings()->mutable_fields())["default_channel_id"].set_string_value(
      description.default_channel.str());
  *workspace.mutable_created_at() = ToTimestamp(acting.at);
  workspace.set_revision(1);
  HEIM_RETURN_IF_ERROR(tx.workspaces.Insert(workspace, description.epoch));
  const ActorId owner_id(owner.id());
  HEIM_RETURN_IF_ERROR(
      tx.workspaces.InsertMember(description.id, owner_id, v1::WORKSPACE_ROLE_OWNER, acting.at));
  v1::Event event = WorkspaceEvent(acting);
  *event.mutable_actor_created()->mutable_actor() = owner;
  HEIM_RETURN_IF_ERROR(tx.Emit(description.id, std::move(event)).status());
  HEIM_RETURN_IF_ERROR(MakeDefaultChannel(tx, acting, workspace, description.default_channel));
  HEIM_RETURN_IF_ERROR(
      AddToChannel(tx, acting, description.default_channel, owner_id, v1::CHANNEL_ROLE_OWNER)
          .status());
  return workspace;
}

std::string SlugOf(std::string_view name) {
  std::string slug;
  for (const char c : AsciiLower(name)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) {
      slug.push_back(c);
    } else if (!slug.empty() && slug.back() != '-') {
      slug.push_back('-');
    }
  }
  slug.resize(std::min(slug.size(), kSlugMaxChars));
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  return slug.empty() ? "workspace" : slug;
}

absl::StatusOr<std::string> FreeSlug(ReadTx& tx, const std::string& slug) {
  for (int i = 1; i <= kSlugTries; ++i) {
    std::string candidate = i == 1 ? slug : StrCat(slug, "-", i);
    const auto found = tx.workspaces.GetByIdOrSlug(candidate);
    if (ReasonOf(found.status()) == v1::ERROR_REASON_WORKSPACE_NOT_FOUND) return candidate;
    if (!found.ok()) return found.status();
  }
  return MakeError(v1::ERROR_REASON_SLUG_TAKEN, "The slug is in use");
}

absl::Status EmitActorUpdated(WriteTx& tx, const Acting& acting, const v1::Actor& subject) {
  HEIM_ASSIGN_OR_RETURN(const std::vector<WorkspaceId> workspaces,
                        tx.actors.WorkspacesOf(ActorId(subject.id())));
  for (const WorkspaceId& workspace : workspaces) {
    v1::Event event = WorkspaceEvent(acting);
    *event.mutable_actor_updated()->mutable_actor() = subject;
    HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
  }
  return absl::OkStatus();
}

absl::Status CheckNotLastOwner(ReadTx& tx, const WorkspaceId& workspace, const ActorId& actor) {
  HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceMember member,
                        tx.workspaces.GetMember(workspace, actor));
  if (member.role() != v1::WORKSPACE_ROLE_OWNER) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(const int64_t owners, tx.workspaces.CountOwners(workspace));
  if (owners > 1) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_LAST_OWNER, "The workspace's last owner must stay its owner");
}

}  // namespace heim
