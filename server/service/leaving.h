// Leaving a workspace, the same for who is removed and who is erased: rows and events together.
// Functions over a WriteTx; same thread as the transaction. Rights were checked by the caller.
#pragma once

#include "absl/status/status.h"
#include "heim/v1/workspace.pb.h"
#include "server/model/ids.h"
#include "server/service/membership.h"
#include "server/store/store.h"

namespace heim {

// The workspace names one of its owners; when that one ceases to be, another stands in. Emits
// workspace.updated when it does. LAST_OWNER.
absl::Status PassWorkspace(WriteTx& tx, const Acting& acting, const WorkspaceId& id,
                           const ActorId& former);

// Takes the member out of the workspace, its channels and groups; emits member.removed,
// group.updated, workspace_member.removed. That an owner is left was checked before.
absl::Status LeaveWorkspace(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                            const v1::WorkspaceMember& member);

}  // namespace heim
