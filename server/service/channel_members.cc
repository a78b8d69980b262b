// The half of ChannelService that is about members.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/mask.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/channel_service.h"
#include "server/service/channel_writes.h"
#include "server/service/commit_reply.h"
#include "server/service/membership.h"

namespace heim {
namespace {

// Strength of a role over the channel itself; viewer and guest have none.
int Strength(v1::ChannelRole role) {
  switch (role) {
    case v1::CHANNEL_ROLE_OWNER:
      return 3;
    case v1::CHANNEL_ROLE_ADMIN:
      return 2;
    case v1::CHANNEL_ROLE_MEMBER:
      return 1;
    default:
      return 0;
  }
}

// The caller's: owners and admins of the workspace are no less in a channel that they may read.
int StrengthOf(const ChannelAccess& access) {
  const int own = Strength(access.channel().me().role());
  if (access.workspace_role() == v1::WORKSPACE_ROLE_OWNER) return 3;
  return access.workspace_role() == v1::WORKSPACE_ROLE_ADMIN ? std::max(own, 2) : own;
}

// Nobody gives a role above its own.
absl::Status CheckGrant(const ChannelAccess& access, v1::ChannelRole wanted) {
  if (Strength(wanted) > std::max(StrengthOf(access), 1)) return ChannelRoleRequired(wanted);
  return absl::OkStatus();
}

// A member's role may be changed by whoever stands above it; an owner's by owners.
absl::Status CheckRoleChange(WriteTx& tx, const ChannelAccess& access, const v1::Member& member,
                             v1::ChannelRole wanted) {
  HEIM_RETURN_IF_ERROR(
      RefuseDirect(access.channel(), "The members of a direct message have no roles"));
  if (wanted == v1::CHANNEL_ROLE_UNSPECIFIED) {
    return InvalidField("role", "owner, admin, member, viewer or guest");
  }
  if (Strength(member.role()) > StrengthOf(access)) return ChannelRoleRequired(member.role());
  HEIM_RETURN_IF_ERROR(CheckGrant(access, wanted));
  if (member.role() == v1::CHANNEL_ROLE_OWNER && wanted != v1::CHANNEL_ROLE_OWNER) {
    HEIM_ASSIGN_OR_RETURN(const int64_t owners, tx.members.CountOwners(access.id()));
    if (owners <= 1) {
      return MakeError(v1::ERROR_REASON_LAST_OWNER, "The channel's last owner cannot be demoted");
    }
  }
  return absl::OkStatus();
}

// The role of a new member, who may be one here.
absl::StatusOr<v1::ChannelRole> RoleToGive(const ChannelAccess& access, v1::ChannelRole asked) {
  HEIM_RETURN_IF_ERROR(RefuseDirect(access.channel(), "The members of a direct message are fixed"));
  const v1::ChannelRole role =
      asked == v1::CHANNEL_ROLE_UNSPECIFIED ? v1::CHANNEL_ROLE_MEMBER : asked;
  HEIM_RETURN_IF_ERROR(CheckGrant(access, role));
  return role;
}

// ACTOR_NOT_FOUND and ALREADY_MEMBER leave everything as it was.
absl::StatusOr<v1::Member> AddOne(WriteTx& tx, const Caller& caller, const Acting& acting,
                                  const ChannelId& channel, const ActorId& actor,
                                  v1::ChannelRole role) {
  HEIM_ASSIGN_OR_RETURN(const v1::Actor found, AccessActor(tx, caller, actor));
  if (found.has_deleted_at()) return ActorNotFound();
  HEIM_ASSIGN_OR_RETURN(const bool is_member, tx.members.Has(channel, actor));
  if (is_member) {
    return MakeError(v1::ERROR_REASON_ALREADY_MEMBER, "The actor is in the channel already");
  }
  HEIM_ASSIGN_OR_RETURN(v1::Member member, AddToChannel(tx, acting, channel, actor, role));
  return PublicMember(std::move(member));
}

bool Contains(const std::vector<std::string>& mask, std::string_view field) {
  return std::find(mask.begin(), mask.end(), field) != mask.end();
}

// Writes what changed of a member. The others hear of its role, its own sessions of the mute.
absl::Status Change(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                    const v1::Member& before, v1::Member* member) {
  const bool new_role = member->role() != before.role();
  const bool new_mute = member->muted() != before.muted();
  if (!new_role && !new_mute) return absl::OkStatus();
  if (new_role) member->set_revision(member->revision() + 1);
  HEIM_RETURN_IF_ERROR(tx.members.Update(*member));
  const ChannelId channel(member->channel_id());
  if (new_role) {
    v1::Event event = ChannelEvent(acting, channel);
    *event.mutable_member_updated()->mutable_member() = PublicMember(*member);
    HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
  }
  if (!new_mute) return absl::OkStatus();
  v1::Event event = ChannelEvent(acting, channel);
  event.set_to_actor_id(member->actor().id());
  *event.mutable_member_updated()->mutable_member() = *member;
  return tx.Emit(workspace, std::move(event)).status();
}

}  // namespace

void ChannelService::JoinChannel(CallContext& context, const v1::JoinChannelRequest& request,
                                 Reply<v1::JoinChannelResponse> reply) {
  CommitReply<v1::JoinChannelResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::JoinChannelResponse* response) -> absl::Status {
        const ChannelId id(request.channel_id());
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                              AccessChannel(tx, context.caller, id, Permission::kJoin));
        if (access.channel().has_me()) {
          tx.note.nothing = true;
          *response->mutable_channel() = access.channel();
          return absl::OkStatus();
        }
        const Acting acting{context.caller.actor_id, clock_.Now()};
        HEIM_ASSIGN_OR_RETURN(
            const v1::Member member,
            AddToChannel(tx, acting, id, context.caller.actor_id, v1::CHANNEL_ROLE_MEMBER));
        tx.note.After(member);
        HEIM_ASSIGN_OR_RETURN(*response->mutable_channel(),
                              tx.channels.GetFor(id, context.caller.actor_id));
        return absl::OkStatus();
      });
}

void ChannelService::LeaveChannel(CallContext& context, const v1::LeaveChannelRequest& request,
                                  Reply<v1::LeaveChannelResponse> reply) {
  CommitReply<v1::LeaveChannelResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::LeaveChannelResponse*) -> absl::Status {
        const ChannelId id(request.channel_id());
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                              AccessChannel(tx, context.caller, id, Permission::kLeave));
        HEIM_RETURN_IF_ERROR(RefuseDirect(access.channel(), "A direct message cannot be left"));
        HEIM_RETURN_IF_ERROR(RefuseDefault(tx, access.channel()));
        const Acting acting{context.caller.actor_id, clock_.Now()};
        HEIM_ASSIGN_OR_RETURN(const v1::Member member,
                              RemoveFromChannel(tx, acting, id, context.caller.actor_id));
        tx.note.Before(member);
        return absl::OkStatus();
      },
      [this, &context, &request](const v1::LeaveChannelResponse&) {
        streams_.StopStreamsOf(context.caller.actor_id, ChannelId(request.channel_id()),
                               "stopped_by_author");
      });
}

void ChannelService::AddMember(CallContext& context, const v1::AddMemberRequest& request,
                               Reply<v1::AddMemberResponse> reply) {
  CommitReply<v1::AddMemberResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::AddMemberResponse* response) -> absl::Status {
        const ChannelId id(request.channel_id());
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                              AccessChannel(tx, context.caller, id, Permission::kAddMember));
        HEIM_ASSIGN_OR_RETURN(const v1::ChannelRole role, RoleToGive(access, request.role()));
        HEIM_ASSIGN_OR_RETURN(*response->mutable_member(),
                              AddOne(tx, context.caller, {context.caller.actor_id, clock_.Now()},
                                     id, ActorId(request.actor_id()), role));
        return absl::OkStatus();
      });
}

void ChannelService::BatchAddMembers(CallContext& context,
                                     const v1::BatchAddMembersRequest& request,
                                     Reply<v1::BatchAddMembersResponse> reply) {
  CommitReply<v1::BatchAddMembersResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx,
                                 v1::BatchAddMembersResponse* response) -> absl::Status {
        const ChannelId id(request.channel_id());
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                              AccessChannel(tx, context.caller, id, Permission::kAddMember));
        HEIM_ASSIGN_OR_RETURN(const v1::ChannelRole role, RoleToGive(access, request.role()));
        const Acting acting{context.caller.actor_id, clock_.Now()};
        v1::BatchAddMembersRequest added;
        added.set_role(role);
        for (const std::string& actor : request.actor_ids()) {
          v1::BatchAddMembersResult& result = *response->add_results();
          result.set_actor_id(actor);
          auto member = AddOne(tx, context.caller, acting, id, ActorId(actor), role);
          if (member.ok()) {
            *result.mutable_member() = *std::move(member);
            added.add_actor_ids(actor);
            continue;
          }
          const bool expected = ReasonOf(member.status()) == v1::ERROR_REASON_ACTOR_NOT_FOUND ||
                                ReasonOf(member.status()) == v1::ERROR_REASON_ALREADY_MEMBER;
          if (!expected) return member.status();
          *result.mutable_error() = ToError(member.status(), context.request_id);
        }
        tx.note.nothing = added.actor_ids().empty();
        tx.note.After(added);
        return absl::OkStatus();
      });
}

void ChannelService::ListMembers(CallContext& context, const v1::ListMembersRequest& request,
                                 Reply<v1::ListMembersResponse> reply) {
  v1::ListMembersResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    const ChannelId id(request.channel_id());
    HEIM_RETURN_IF_ERROR(AccessChannel(tx, context.caller, id, Permission::kReadMembers).status());
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    std::string after;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(after, DecodeCursor(request.cursor(), request.channel_id()));
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::Member> members, tx.members.List(id, after, limit + 1));
    if (members.size() > limit) {
      members.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(request.channel_id(), members.back().actor().id()));
    }
    for (v1::Member& member : members) *response.add_members() = std::move(member);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void ChannelService::UpdateMember(CallContext& context, const v1::UpdateMemberRequest& request,
                                  Reply<v1::UpdateMemberResponse> reply) {
  static constexpr std::array<std::string_view, 2> kFields = {"role", "muted"};
  const auto mask = EffectiveMask(request.update_mask(), request.member(), kFields);
  if (!mask.ok()) return reply(mask.status());
  CommitReply<v1::UpdateMemberResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, mask = *mask](WriteTx& tx,
                                               v1::UpdateMemberResponse* response) -> absl::Status {
        const ChannelId id(request.channel_id());
        const ActorId actor = ResolveMe(context.caller, request.actor_id());
        const bool own = actor == context.caller.actor_id;
        const bool new_role = Contains(mask, "role");
        const Permission permission =
            new_role || !own ? Permission::kUpdateMemberRole : Permission::kReadOwnMembership;
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                              AccessChannel(tx, context.caller, id, permission));
        HEIM_ASSIGN_OR_RETURN(const v1::Member before, tx.members.Get(id, actor));
        if (request.has_expected_revision() && request.expected_revision() != before.revision()) {
          return RevisionConflict(before.revision());
        }
        if (Contains(mask, "muted") && !own) {
          return MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "Only its member mutes a channel");
        }
        tx.note.Before(before);
        v1::Member member = before;
        ApplyMask(mask, request.member(), &member);
        if (member.role() != before.role()) {
          HEIM_RETURN_IF_ERROR(CheckRoleChange(tx, access, before, member.role()));
        }
        HEIM_RETURN_IF_ERROR(Change(tx, {context.caller.actor_id, clock_.Now()},
                                    access.workspace_id(), before, &member));
        *response->mutable_member() = own ? member : PublicMember(member);
        return absl::OkStatus();
      });
}

void ChannelService::RemoveMember(CallContext& context, const v1::RemoveMemberRequest& request,
                                  Reply<v1::RemoveMemberResponse> reply) {
  CommitReply<v1::RemoveMemberResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::RemoveMemberResponse* response) -> absl::Status {
        const ChannelId id(request.channel_id());
        const ActorId actor = ResolveMe(context.caller, request.actor_id());
        const bool own = actor == context.caller.actor_id;
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                              AccessChannel(tx, context.caller, id,
                                            own ? Permission::kLeave : Permission::kRemoveMember));
        HEIM_RETURN_IF_ERROR(
            RefuseDirect(access.channel(), "The members of a direct message are fixed"));
        HEIM_RETURN_IF_ERROR(RefuseDefault(tx, access.channel()));
        HEIM_ASSIGN_OR_RETURN(const v1::Member member, tx.members.Get(id, actor));
        if (!own && member.role() == v1::CHANNEL_ROLE_OWNER) {
          HEIM_RETURN_IF_ERROR(CheckRoleChange(tx, access, member, v1::CHANNEL_ROLE_MEMBER));
        }
        const Acting acting{context.caller.actor_id, clock_.Now()};
        HEIM_ASSIGN_OR_RETURN(v1::Member removed, RemoveFromChannel(tx, acting, id, actor));
        *response->mutable_member() = PublicMember(std::move(removed));
        return absl::OkStatus();
      },
      [this](const v1::RemoveMemberResponse& response) {
        const v1::Member& member = response.member();
        streams_.StopStreamsOf(ActorId(member.actor().id()), ChannelId(member.channel_id()),
                               "stopped_by_admin");
      });
}

}  // namespace heim
