#include "server/service/workspace_deletion_service.h"

#include <memory>
#include <vector>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"

namespace heim {
namespace {

absl::Status CheckDeletable(ReadTx& tx, const Caller& inside, const std::string& confirm) {
  HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, inside, Permission::kDeleteWorkspace));
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, tx.workspaces.Get(inside.workspace_id));
  if (confirm != workspace.slug()) {
    return MakeError(v1::ERROR_REASON_CONFIRMATION_REQUIRED,
                     "This cannot be undone: give the workspace's slug in `confirm`");
  }
  HEIM_ASSIGN_OR_RETURN(const int64_t workspaces, tx.workspace_deletions.CountWorkspaces());
  if (workspaces > 1) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_PERMISSION_DENIED,
                   "The last workspace of a server cannot be deleted");
}

}  // namespace

void WorkspaceDeletionService::DeleteWorkspace(CallContext& context,
                                               const v1::DeleteWorkspaceRequest& request,
                                               Reply<v1::DeleteWorkspaceResponse> reply) {
  struct Cut {
    WorkspaceId workspace;
    std::vector<ActorId> members;
  };
  auto cut = std::make_shared<Cut>();
  CommitReply<v1::DeleteWorkspaceResponse>(
      deps_.store, context, std::move(reply),
      [&context, &request, cut](WriteTx& tx, v1::DeleteWorkspaceResponse*) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const Caller inside,
                              EnterWorkspace(tx, context.caller, request.workspace_id()));
        HEIM_RETURN_IF_ERROR(CheckDeletable(tx, inside, request.confirm()));
        cut->workspace = inside.workspace_id;
        HEIM_ASSIGN_OR_RETURN(cut->members, tx.workspace_deletions.MembersOf(inside.workspace_id));
        tx.note.bare = true;
        tx.note.workspaces = {inside.workspace_id};
        tx.note.Subject("workspace", inside.workspace_id.str());
        return tx.workspace_deletions.Begin(inside.workspace_id);
      },
      [this, &context, cut](const v1::DeleteWorkspaceResponse&) {
        LogInfo("A workspace is being deleted",
                {{"workspace", cut->workspace.str()}, {"by", context.caller.actor_id.str()}});
        // Who is in other workspaces comes back there.
        for (const ActorId& member : cut->members) {
          deps_.authenticator.DropActor(member);
          deps_.hub.EndActor(member, "lost_access");
          deps_.streams.StopStreamsBy(member, "stopped_by_admin");
        }
        if (on_delete_) on_delete_();
      });
}

}  // namespace heim
