#include "server/service/group_membership.h"

#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/time.h"

namespace heim {

absl::StatusOr<v1::UserGroup> TouchGroup(WriteTx& tx, const Acting& acting,
                                         const WorkspaceId& workspace, const GroupId& id) {
  HEIM_ASSIGN_OR_RETURN(v1::UserGroup group, tx.groups.Get(workspace, id));
  *group.mutable_updated_at() = ToTimestamp(acting.at);
  group.set_revision(group.revision() + 1);
  HEIM_RETURN_IF_ERROR(tx.groups.Update(group));
  v1::Event event;
  event.set_actor_id(acting.by.str());
  *event.mutable_timestamp() = ToTimestamp(acting.at);
  *event.mutable_group_updated()->mutable_group() = group;
  HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
  return group;
}

absl::Status LeaveGroups(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                         const ActorId& actor) {
  HEIM_ASSIGN_OR_RETURN(const std::vector<GroupId> groups, tx.groups.GroupsOf(workspace, actor));
  for (const GroupId& group : groups) {
    HEIM_RETURN_IF_ERROR(tx.groups.RemoveMember(group, actor).status());
    HEIM_RETURN_IF_ERROR(TouchGroup(tx, acting, workspace, group).status());
  }
  return absl::OkStatus();
}

}  // namespace heim
