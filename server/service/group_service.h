// GroupService: user groups and their members (proto/heim/v1/group_service.proto).
// Owned by app. Thread-safe. Handlers run on the Executor; reads block for a bounded time.
#pragma once

#include "heim/v1/group_service.pb.h"
#include "server/base/clock.h"
#include "server/base/ids.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

class GroupService {
 public:
  GroupService(Store& store, Clock& clock, Ids& ids) : store_(store), clock_(clock), ids_(ids) {}

  void CreateGroup(CallContext& context, const v1::CreateGroupRequest& request,
                   Reply<v1::CreateGroupResponse> reply);
  void ListGroups(CallContext& context, const v1::ListGroupsRequest& request,
                  Reply<v1::ListGroupsResponse> reply);
  void GetGroup(CallContext& context, const v1::GetGroupRequest& request,
                Reply<v1::GetGroupResponse> reply);
  void UpdateGroup(CallContext& context, const v1::UpdateGroupRequest& request,
                   Reply<v1::UpdateGroupResponse> reply);
  void DeleteGroup(CallContext& context, const v1::DeleteGroupRequest& request,
                   Reply<v1::DeleteGroupResponse> reply);
  void ListGroupMembers(CallContext& context, const v1::ListGroupMembersRequest& request,
                        Reply<v1::ListGroupMembersResponse> reply);
  void AddGroupMember(CallContext& context, const v1::AddGroupMemberRequest& request,
                      Reply<v1::AddGroupMemberResponse> reply);
  void RemoveGroupMember(CallContext& context, const v1::RemoveGroupMemberRequest& request,
                         Reply<v1::RemoveGroupMemberResponse> reply);

 private:
  Store& store_;
  Clock& clock_;
  Ids& ids_;
};

}  // namespace heim
