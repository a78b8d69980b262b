#include "server/service/leaving.h"

#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/time.h"
#include "server/service/group_membership.h"

namespace heim {
namespace {

constexpr uint32_t kMembersAtOnce = 200;

v1::Event EventBy(const Acting& acting) {
  v1::Event event;
  event.set_actor_id(acting.by.str());
  *event.mutable_timestamp() = ToTimestamp(acting.at);
  return event;
}

absl::StatusOr<ActorId> AnyOwner(ReadTx& tx, const WorkspaceId& workspace) {
  std::string after;
  while (true) {
    HEIM_ASSIGN_OR_RETURN(const std::vector<v1::WorkspaceMember> members,
                          tx.workspaces.ListMembers(workspace, after, kMembersAtOnce));
    for (const v1::WorkspaceMember& member : members) {
      if (member.role() == v1::WORKSPACE_ROLE_OWNER) return ActorId(member.actor().id());
    }
    if (members.size() < kMembersAtOnce) {
      return MakeError(v1::ERROR_REASON_LAST_OWNER, "The workspace would be without an owner");
    }
    after = members.back().actor().username();
  }
}

}  // namespace

absl::Status PassWorkspace(WriteTx& tx, const Acting& acting, const WorkspaceId& id,
                           const ActorId& former) {
  HEIM_ASSIGN_OR_RETURN(v1::Workspace workspace, tx.workspaces.Get(id));
  if (workspace.owner_id() != former.str()) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(const ActorId owner, AnyOwner(tx, id));
  workspace.set_owner_id(owner.str());
  workspace.set_revision(workspace.revision() + 1);
  HEIM_RETURN_IF_ERROR(tx.workspaces.Update(workspace));
  v1::Event event = EventBy(acting);
  *event.mutable_workspace_updated()->mutable_workspace() = std::move(workspace);
  return tx.Emit(id, std::move(event)).status();
}

absl::Status LeaveWorkspace(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                            const v1::WorkspaceMember& member) {
  const ActorId actor(member.actor().id());
  HEIM_ASSIGN_OR_RETURN(const std::vector<ChannelId> channels,
                        tx.members.ChannelsOf(workspace, actor));
  for (const ChannelId& channel : channels) {
    HEIM_RETURN_IF_ERROR(RemoveFromChannel(tx, acting, channel, actor).status());
  }
  HEIM_RETURN_IF_ERROR(LeaveGroups(tx, acting, workspace, actor));
  HEIM_RETURN_IF_ERROR(tx.workspaces.RemoveMember(workspace, actor));
  HEIM_RETURN_IF_ERROR(tx.notifications.ForgetWorkspace(workspace, actor));
  v1::Event event = EventBy(acting);
  v1::WorkspaceMemberRemoved& removed = *event.mutable_workspace_member_removed();
  removed.set_workspace_id(workspace.str());
  removed.set_actor_id(actor.str());
  removed.set_removed_by(acting.by.str());
  HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
  const bool was_owner = member.role() == v1::WORKSPACE_ROLE_OWNER;
  return was_owner ? PassWorkspace(tx, acting, workspace, actor) : absl::OkStatus();
}

}  // namespace heim
