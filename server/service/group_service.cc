#include "server/service/group_service.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/mask.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/model/validate.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/group_membership.h"

namespace heim {
namespace {

absl::StatusOr<v1::UserGroup> AccessGroup(ReadTx& tx, const Caller& caller, const std::string& id,
                                          Permission permission) {
  HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, permission));
  if (!IsUuid(id)) return NotFound(v1::ERROR_REASON_GROUP_NOT_FOUND);
  return tx.groups.Get(caller.workspace_id, GroupId(id));
}

// No username of the server, no word that means everybody; groups are told apart by their index.
absl::Status CheckHandle(ReadTx& tx, const std::string& handle) {
  if (IsReservedUsername(handle)) {
    return MakeError(v1::ERROR_REASON_GROUP_HANDLE_TAKEN, "The handle is reserved");
  }
  const auto actor = tx.actors.GetByUsername(handle);
  if (actor.ok()) {
    return MakeError(v1::ERROR_REASON_GROUP_HANDLE_TAKEN, "An actor has the handle as username");
  }
  return absl::IsNotFound(actor.status()) ? absl::OkStatus() : actor.status();
}

absl::Status AddTo(WriteTx& tx, const Caller& caller, const GroupId& group, const ActorId& id,
                   bool* added) {
  HEIM_ASSIGN_OR_RETURN(const v1::Actor actor, AccessActor(tx, caller, id));
  if (actor.has_deleted_at()) {
    return MakeError(v1::ERROR_REASON_ACTOR_DEACTIVATED, "The actor is deactivated");
  }
  HEIM_ASSIGN_OR_RETURN(*added, tx.groups.AddMember(group, id));
  return absl::OkStatus();
}

absl::Status TooMany(std::string_view of, int limit) {
  return MakeError(v1::ERROR_REASON_LIMIT_REACHED, StrCat(of, " has the greatest number, ", limit));
}

// What the audit log tells of who came or went.
template <class Request>
Request Membership(const ActorId& actor) {
  Request told;
  told.set_actor_id(actor.str());
  return told;
}

v1::Event EventBy(const Acting& acting) {
  v1::Event event;
  event.set_actor_id(acting.by.str());
  *event.mutable_timestamp() = ToTimestamp(acting.at);
  return event;
}

std::string CleanName(std::string_view name, std::string_view handle) {
  std::string clean = StripUnsafeControls(name);
  return clean.empty() ? std::string(handle) : clean;
}

absl::Status Create(WriteTx& tx, const Caller& caller, const v1::CreateGroupRequest& request,
                    const std::string& id, const Acting& acting, v1::UserGroup* group) {
  HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kManageGroups));
  HEIM_ASSIGN_OR_RETURN(const int64_t count, tx.groups.Count(caller.workspace_id));
  if (count >= kUserGroupsMax) return TooMany("The workspace", kUserGroupsMax);
  HEIM_RETURN_IF_ERROR(CheckHandle(tx, request.handle()));
  group->set_id(id);
  group->set_workspace_id(caller.workspace_id.str());
  group->set_handle(request.handle());
  group->set_name(CleanName(request.name(), request.handle()));
  group->set_description(request.description());
  group->set_created_by(caller.actor_id.str());
  *group->mutable_created_at() = ToTimestamp(acting.at);
  *group->mutable_updated_at() = group->created_at();
  group->set_revision(1);
  HEIM_RETURN_IF_ERROR(tx.groups.Insert(*group));
  for (const std::string& member : request.member_ids()) {
    bool added = false;
    HEIM_RETURN_IF_ERROR(AddTo(tx, caller, GroupId(id), ActorId(member), &added));
  }
  HEIM_ASSIGN_OR_RETURN(*group, tx.groups.Get(caller.workspace_id, GroupId(id)));
  v1::Event event = EventBy(acting);
  *event.mutable_group_created()->mutable_group() = *group;
  return tx.Emit(caller.workspace_id, std::move(event)).status();
}

}  // namespace

void GroupService::CreateGroup(CallContext& context, const v1::CreateGroupRequest& request,
                               Reply<v1::CreateGroupResponse> reply) {
  const std::string id = ids_.NewId();
  CommitReply<v1::CreateGroupResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, id](WriteTx& tx, v1::CreateGroupResponse* response) {
        return Create(tx, context.caller, request, id, {context.caller.actor_id, clock_.Now()},
                      response->mutable_group());
      });
}

void GroupService::ListGroups(CallContext& context, const v1::ListGroupsRequest& request,
                              Reply<v1::ListGroupsResponse> reply) {
  v1::ListGroupsResponse response;
  const std::string filter = StrCat("groups/", request.q());
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadGroups));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    std::string after;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(after, DecodeCursor(request.cursor(), filter));
    }
    HEIM_ASSIGN_OR_RETURN(
        std::vector<v1::UserGroup> groups,
        tx.groups.List(context.caller.workspace_id, request.q(), after, limit + 1));
    if (groups.size() > limit) {
      groups.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(filter, groups.back().handle()));
    }
    for (v1::UserGroup& group : groups) *response.add_groups() = std::move(group);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void GroupService::GetGroup(CallContext& context, const v1::GetGroupRequest& request,
                            Reply<v1::GetGroupResponse> reply) {
  v1::GetGroupResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(
        *response.mutable_group(),
        AccessGroup(tx, context.caller, request.group_id(), Permission::kReadGroups));
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void GroupService::UpdateGroup(CallContext& context, const v1::UpdateGroupRequest& request,
                               Reply<v1::UpdateGroupResponse> reply) {
  static constexpr std::array<std::string_view, 3> kFields = {"handle", "name", "description"};
  const auto mask = EffectiveMask(request.update_mask(), request.group(), kFields);
  if (!mask.ok()) return reply(mask.status());
  CommitReply<v1::UpdateGroupResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, mask = *mask](WriteTx& tx,
                                               v1::UpdateGroupResponse* response) -> absl::Status {
        const Caller& caller = context.caller;
        HEIM_ASSIGN_OR_RETURN(
            const v1::UserGroup before,
            AccessGroup(tx, caller, request.group_id(), Permission::kManageGroups));
        if (request.has_expected_revision() && request.expected_revision() != before.revision()) {
          return RevisionConflict(before.revision());
        }
        tx.note.Before(before);
        v1::UserGroup group = before;
        ApplyMask(mask, request.group(), &group);
        if (group.handle().empty()) return InvalidField("handle", "a username");
        group.set_name(CleanName(group.name(), group.handle()));
        *response->mutable_group() = before;
        if (google::protobuf::util::MessageDifferencer::Equals(group, before)) {
          return absl::OkStatus();
        }
        if (group.handle() != before.handle()) {
          HEIM_RETURN_IF_ERROR(CheckHandle(tx, group.handle()));
        }
        HEIM_RETURN_IF_ERROR(tx.groups.Update(group));
        HEIM_ASSIGN_OR_RETURN(*response->mutable_group(),
                              TouchGroup(tx, {caller.actor_id, clock_.Now()}, caller.workspace_id,
                                         GroupId(group.id())));
        return absl::OkStatus();
      });
}

void GroupService::DeleteGroup(CallContext& context, const v1::DeleteGroupRequest& request,
                               Reply<v1::DeleteGroupResponse> reply) {
  CommitReply<v1::DeleteGroupResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::DeleteGroupResponse* response) -> absl::Status {
        const Caller& caller = context.caller;
        v1::UserGroup& group = *response->mutable_group();
        HEIM_ASSIGN_OR_RETURN(
            group, AccessGroup(tx, caller, request.group_id(), Permission::kManageGroups));
        HEIM_RETURN_IF_ERROR(tx.groups.Delete(GroupId(group.id())));
        v1::Event event = EventBy({caller.actor_id, clock_.Now()});
        event.mutable_group_deleted()->set_group_id(group.id());
        event.mutable_group_deleted()->set_deleted_by(caller.actor_id.str());
        return tx.Emit(caller.workspace_id, std::move(event)).status();
      });
}

void GroupService::ListGroupMembers(CallContext& context,
                                    const v1::ListGroupMembersRequest& request,
                                    Reply<v1::ListGroupMembersResponse> reply) {
  v1::ListGroupMembersResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(
        const v1::UserGroup group,
        AccessGroup(tx, context.caller, request.group_id(), Permission::kReadGroups));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    uint64_t after = 0;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(const std::string key, DecodeCursor(request.cursor(), group.id()));
      if (!absl::SimpleAtoi(key, &after)) {
        return MakeError(v1::ERROR_REASON_INVALID_CURSOR, "The page cursor is not one of ours");
      }
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<UserGroups::Listed> members,
                          tx.groups.ListMembers(GroupId(group.id()), after, limit + 1));
    if (members.size() > limit) {
      members.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(group.id(), StrCat(members.back().place)));
    }
    for (UserGroups::Listed& member : members) {
      *response.add_members() = std::move(member.actor);
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void GroupService::AddGroupMember(CallContext& context, const v1::AddGroupMemberRequest& request,
                                  Reply<v1::AddGroupMemberResponse> reply) {
  CommitReply<v1::AddGroupMemberResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx,
                                 v1::AddGroupMemberResponse* response) -> absl::Status {
        const Caller& caller = context.caller;
        v1::UserGroup& group = *response->mutable_group();
        HEIM_ASSIGN_OR_RETURN(
            group, AccessGroup(tx, caller, request.group_id(), Permission::kManageGroups));
        const GroupId id(group.id());
        bool added = false;
        const ActorId actor = ResolveMe(caller, request.actor_id());
        HEIM_RETURN_IF_ERROR(AddTo(tx, caller, id, actor, &added));
        tx.note.nothing = !added;
        tx.note.After(Membership<v1::AddGroupMemberRequest>(actor));
        if (!added) return absl::OkStatus();
        if (group.member_ids_size() >= kUserGroupMembersMax) {
          return TooMany("The group", kUserGroupMembersMax);
        }
        HEIM_ASSIGN_OR_RETURN(
            group, TouchGroup(tx, {caller.actor_id, clock_.Now()}, caller.workspace_id, id));
        return absl::OkStatus();
      });
}

void GroupService::RemoveGroupMember(CallContext& context,
                                     const v1::RemoveGroupMemberRequest& request,
                                     Reply<v1::RemoveGroupMemberResponse> reply) {
  CommitReply<v1::RemoveGroupMemberResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx,
                                 v1::RemoveGroupMemberResponse* response) -> absl::Status {
        const Caller& caller = context.caller;
        const ActorId actor = ResolveMe(caller, request.actor_id());
        const Permission permission =
            actor == caller.actor_id ? Permission::kReadGroups : Permission::kManageGroups;
        v1::UserGroup& group = *response->mutable_group();
        HEIM_ASSIGN_OR_RETURN(group, AccessGroup(tx, caller, request.group_id(), permission));
        const GroupId id(group.id());
        HEIM_ASSIGN_OR_RETURN(const bool removed, tx.groups.RemoveMember(id, actor));
        if (!removed) return MemberNotFound();
        tx.note.Before(Membership<v1::RemoveGroupMemberRequest>(actor));
        HEIM_ASSIGN_OR_RETURN(
            group, TouchGroup(tx, {caller.actor_id, clock_.Now()}, caller.workspace_id, id));
        return absl::OkStatus();
      });
}

}  // namespace heim
