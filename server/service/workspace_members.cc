// The half of WorkspaceService that is about members.
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/joining.h"
#include "server/service/leaving.h"
#include "server/service/workspace_service.h"

namespace heim {
namespace {

v1::Event EventBy(const Acting& acting) {
  v1::Event event;
  event.set_actor_id(acting.by.str());
  *event.mutable_timestamp() = ToTimestamp(acting.at);
  return event;
}

absl::Status SetRole(WriteTx& tx, const Acting& acting, const Caller& caller,
                     v1::WorkspaceRole wanted, v1::WorkspaceMember* member) {
  const WorkspaceId& workspace = caller.workspace_id;
  const ActorId actor(member->actor().id());
  HEIM_RETURN_IF_ERROR(GrantedRole(member->role(), caller.workspace_role).status());
  HEIM_RETURN_IF_ERROR(GrantedRole(wanted, caller.workspace_role).status());
  if (member->role() == wanted) return absl::OkStatus();
  const bool was_owner = member->role() == v1::WORKSPACE_ROLE_OWNER;
  if (was_owner) HEIM_RETURN_IF_ERROR(CheckNotLastOwner(tx, workspace, actor));
  HEIM_RETURN_IF_ERROR(tx.workspaces.SetRole(workspace, actor, wanted));
  member->set_role(wanted);
  v1::Event event = EventBy(acting);
  *event.mutable_workspace_member_updated()->mutable_member() = *member;
  HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
  return was_owner ? PassWorkspace(tx, acting, workspace, actor) : absl::OkStatus();
}

absl::Status RemoveMember(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                          const v1::WorkspaceMember& member) {
  if (member.role() == v1::WORKSPACE_ROLE_OWNER) {
    HEIM_RETURN_IF_ERROR(CheckNotLastOwner(tx, workspace, ActorId(member.actor().id())));
  }
  return LeaveWorkspace(tx, acting, workspace, member);
}

}  // namespace

void WorkspaceService::ListWorkspaceMembers(CallContext& context,
                                            const v1::ListWorkspaceMembersRequest& request,
                                            Reply<v1::ListWorkspaceMembersResponse> reply) {
  v1::ListWorkspaceMembersResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const Caller inside,
                          EnterWorkspace(tx, context.caller, request.workspace_id()));
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, inside, Permission::kReadDirectory));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    const std::string& workspace = inside.workspace_id.str();
    std::string after;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(after, DecodeCursor(request.cursor(), workspace));
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::WorkspaceMember> members,
                          tx.workspaces.ListMembers(inside.workspace_id, after, limit + 1));
    if (members.size() > limit) {
      members.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(workspace, members.back().actor().username()));
    }
    for (v1::WorkspaceMember& member : members) *response.add_members() = std::move(member);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void WorkspaceService::UpdateWorkspaceMember(CallContext& context,
                                             const v1::UpdateWorkspaceMemberRequest& request,
                                             Reply<v1::UpdateWorkspaceMemberResponse> reply) {
  if (request.role() == v1::WORKSPACE_ROLE_UNSPECIFIED) {
    return reply(InvalidField("role", "owner, admin, member or guest"));
  }
  CommitReply<v1::UpdateWorkspaceMemberResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx,
                                 v1::UpdateWorkspaceMemberResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const Caller inside,
                              EnterWorkspace(tx, context.caller, request.workspace_id()));
        HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, inside, Permission::kManageMembers));
        v1::WorkspaceMember& member = *response->mutable_member();
        HEIM_ASSIGN_OR_RETURN(
            member,
            tx.workspaces.GetMember(inside.workspace_id, ResolveMe(inside, request.actor_id())));
        tx.note.workspaces = {inside.workspace_id};
        tx.note.Subject("actor", member.actor().id());
        tx.note.Before(member);
        return SetRole(tx, {inside.actor_id, clock_.Now()}, inside, request.role(), &member);
      },
      [this](const v1::UpdateWorkspaceMemberResponse& response) {
        authenticator_.DropActor(ActorId(response.member().actor().id()));
      });
}

void WorkspaceService::RemoveWorkspaceMember(CallContext& context,
                                             const v1::RemoveWorkspaceMemberRequest& request,
                                             Reply<v1::RemoveWorkspaceMemberResponse> reply) {
  CommitReply<v1::RemoveWorkspaceMemberResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx,
                                 v1::RemoveWorkspaceMemberResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const Caller inside,
                              EnterWorkspace(tx, context.caller, request.workspace_id()));
        const ActorId actor = ResolveMe(inside, request.actor_id());
        const bool own = actor == inside.actor_id;
        HEIM_RETURN_IF_ERROR(CheckWorkspace(
            tx, inside, own ? Permission::kReadWorkspace : Permission::kManageMembers));
        v1::WorkspaceMember& member = *response->mutable_member();
        HEIM_ASSIGN_OR_RETURN(member, tx.workspaces.GetMember(inside.workspace_id, actor));
        if (!own) {
          HEIM_RETURN_IF_ERROR(GrantedRole(member.role(), inside.workspace_role).status());
        }
        tx.note.workspaces = {inside.workspace_id};
        tx.note.Subject("actor", actor.str());
        return RemoveMember(tx, {inside.actor_id, clock_.Now()}, inside.workspace_id, member);
      },
      [this](const v1::RemoveWorkspaceMemberResponse& response) {
        const ActorId actor(response.member().actor().id());
        authenticator_.DropActor(actor);
        streams_.StopStreamsBy(actor, "stopped_by_admin");
      });
}

}  // namespace heim
