// Who leaves a workspace, or is deactivated, leaves its user groups. Functions over a WriteTx; same
// thread as the transaction. They block on the database.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "heim/v1/group.pb.h"
#include "server/model/ids.h"
#include "server/service/membership.h"
#include "server/store/store.h"

namespace heim {

// Emits group.updated for each group that the actor was in.
absl::Status LeaveGroups(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                         const ActorId& actor);

// The group as it is after a change: the next revision, written and told to the workspace.
absl::StatusOr<v1::UserGroup> TouchGroup(WriteTx& tx, const Acting& acting,
                                         const WorkspaceId& workspace, const GroupId& id);

}  // namespace heim
