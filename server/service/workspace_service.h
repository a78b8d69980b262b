// WorkspaceService: teams, their settings and members (proto/heim/v1/workspace_service.proto says
// what each call needs, emits and fails with).
// Owned by app. Thread-safe. Handlers run on the Executor; reads block for a bounded time.
#pragma once

#include "heim/v1/workspace_service.pb.h"
#include "server/auth/authenticator.h"
#include "server/base/clock.h"
#include "server/base/ids.h"
#include "server/service/call.h"
#include "server/service/stream_stopper.h"
#include "server/store/store.h"

namespace heim {

class WorkspaceService {
 public:
  WorkspaceService(Store& store, Clock& clock, Ids& ids, Authenticator& authenticator,
                   StreamStopper& streams)
      : store_(store), clock_(clock), ids_(ids), authenticator_(authenticator), streams_(streams) {}

  void CreateWorkspace(CallContext& context, const v1::CreateWorkspaceRequest& request,
                       Reply<v1::CreateWorkspaceResponse> reply);
  void ListWorkspaces(CallContext& context, const v1::ListWorkspacesRequest& request,
                      Reply<v1::ListWorkspacesResponse> reply);
  void GetWorkspace(CallContext& context, const v1::GetWorkspaceRequest& request,
                    Reply<v1::GetWorkspaceResponse> reply);
  void UpdateWorkspace(CallContext& context, const v1::UpdateWorkspaceRequest& request,
                       Reply<v1::UpdateWorkspaceResponse> reply);
  void ListWorkspaceMembers(CallContext& context, const v1::ListWorkspaceMembersRequest& request,
                            Reply<v1::ListWorkspaceMembersResponse> reply);
  void UpdateWorkspaceMember(CallContext& context, const v1::UpdateWorkspaceMemberRequest& request,
                             Reply<v1::UpdateWorkspaceMemberResponse> reply);
  void RemoveWorkspaceMember(CallContext& context, const v1::RemoveWorkspaceMemberRequest& request,
                             Reply<v1::RemoveWorkspaceMemberResponse> reply);

 private:
  Store& store_;
  Clock& clock_;
  Ids& ids_;
  Authenticator& authenticator_;
  StreamStopper& streams_;
};

}  // namespace heim
