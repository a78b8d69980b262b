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

// Nobody gives a role above its own.
absl::Status CheckGrant(const v1::Channel& channel, v1::ChannelRole wanted) {
  if (Strength(wanted) > std::max(Strength(channel.me().role()), 1)) {
    return ChannelRoleRequired(wanted);
  }
  return absl::OkStatus();
}

absl::Status RefuseDirect(const v1::Channel& channel, std::string_view what) {
  if (channel.type() != v1::CHANNEL_TYPE_DM && channel.type() != v1::CHANNEL_TYPE_GROUP_DM) {
    return absl::OkStatus();
  }
  return MakeError(v1::ERROR_REASON_PERMISSION_DENIED, what);
}

absl::Status RefuseDefault(WriteTx& tx, const v1::Channel& channel) {
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace,
                        tx.workspaces.Get(WorkspaceId(channel.workspace_id())));
  if (DefaultChannelOf(workspace).str() != channel.id()) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_PERMISSION_DENIED,
                   "The workspace's default channel cannot be left");
}

// A member's role may be changed by whoever stands above it; an owner's by owners.
absl::Status CheckRoleChange(WriteTx& tx, const v1::Channel& channel, const v1::Member& member,
                             v1::ChannelRole wanted) {
  HEIM_RETURN_IF_ERROR(RefuseDirect(channel, "The members of a direct message have no roles"));
  if (wanted == v1::CHANNEL_ROLE_UNSPECIFIED) {
    return InvalidField("role", "owner, admin, member, viewer or guest");
  }
  if (Strength(member.role()) > Strength(channel.me().role())) {
    return ChannelRoleRequired(member.role());
  }
  HEIM_RETURN_IF_ERROR(CheckGrant(channel, wanted));
  if (member.role() == v1::CHANNEL_ROLE_OWNER && wanted != v1::CHANNEL_ROLE_OWNER) {
    HEIM_ASSIGN_OR_RETURN(const int64_t owners, tx.members.CountOwners(ChannelId(channel.id())));
    if (owners <= 1) {
      return MakeError(v1::ERROR_REASON_LAST_OWNER, "The channel's last owner cannot be demoted");
    }
  }
  return absl::OkStatus();
}

bool Contains(const std::vector<std::string>& mask, std::string_view field) {
  return std::find(mask.begin(), mask.end(), field) != mask.end();
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
          *response->mutable_channel() = access.channel();
          return absl::OkStatus();
        }
        const Acting acting{context.caller.actor_id, clock_.Now()};
        HEIM_RETURN_IF_ERROR(
            AddToChannel(tx, acting, id, context.caller.actor_id, v1::CHANNEL_ROLE_MEMBER)
                .status());
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
        return RemoveFromChannel(tx, acting, id, context.caller.actor_id).status();
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
        HEIM_RETURN_IF_ERROR(
            RefuseDirect(access.channel(), "The members of a direct message are fixed"));
        const v1::ChannelRole role = request.role() == v1::CHANNEL_ROLE_UNSPECIFIED
                                         ? v1::CHANNEL_ROLE_MEMBER
                                         : request.role();
        HEIM_RETURN_IF_ERROR(CheckGrant(access.channel(), role));
        const ActorId actor(request.actor_id());
        HEIM_ASSIGN_OR_RETURN(const v1::Actor found, AccessActor(tx, context.caller, actor));
        if (found.has_deleted_at()) return ActorNotFound();
        const Acting acting{context.caller.actor_id, clock_.Now()};
        HEIM_ASSIGN_OR_RETURN(v1::Member member, AddToChannel(tx, acting, id, actor, role));
        *response->mutable_member() = PublicMember(std::move(member));
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
        v1::Member member = before;
        ApplyMask(mask, request.member(), &member);
        if (member.role() != before.role()) {
          HEIM_RETURN_IF_ERROR(CheckRoleChange(tx, access.channel(), before, member.role()));
        }
        if (member.role() != before.role() || member.muted() != before.muted()) {
          member.set_revision(member.revision() + 1);
          HEIM_RETURN_IF_ERROR(tx.members.Update(member));
        }
        if (member.role() != before.role()) {
          v1::Event event = ChannelEvent({context.caller.actor_id, clock_.Now()}, id);
          *event.mutable_member_updated()->mutable_member() = PublicMember(member);
          HEIM_RETURN_IF_ERROR(
              tx.Emit(WorkspaceId(access.channel().workspace_id()), std::move(event)).status());
        }
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
          HEIM_RETURN_IF_ERROR(
              CheckRoleChange(tx, access.channel(), member, v1::CHANNEL_ROLE_MEMBER));
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
