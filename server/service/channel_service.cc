#include "server/service/channel_service.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/mask.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/membership.h"

namespace heim {
namespace {

constexpr std::array<std::string_view, 4> kReservedNames = {"all", "here", "channel", "everyone"};
constexpr size_t kGroupDirectOthersMin = 2;
constexpr size_t kGroupDirectOthersMax = 8;

bool IsDirect(v1::ChannelType type) {
  return type == v1::CHANNEL_TYPE_DM || type == v1::CHANNEL_TYPE_GROUP_DM;
}

absl::Status CheckName(std::string_view name) {
  if (std::find(kReservedNames.begin(), kReservedNames.end(), name) != kReservedNames.end()) {
    return InvalidField("name", "a name that is not reserved (all, here, channel, everyone)");
  }
  return absl::OkStatus();
}

// Emits one of the events that carry the whole channel.
template <typename SetPayload>
absl::Status EmitChannel(WriteTx& tx, const Acting& acting, const v1::Channel& channel,
                         SetPayload set_payload) {
  v1::Event event = ChannelEvent(acting, ChannelId(channel.id()));
  set_payload(event, PublicChannel(channel));
  return tx.Emit(WorkspaceId(channel.workspace_id()), std::move(event)).status();
}

absl::Status InsertChannel(WriteTx& tx, const Acting& acting, const v1::Channel& channel,
                           std::string_view dm_key) {
  HEIM_RETURN_IF_ERROR(tx.channels.Insert(channel, dm_key));
  return EmitChannel(tx, acting, channel, [](v1::Event& event, v1::Channel shown) {
    *event.mutable_channel_created()->mutable_channel() = std::move(shown);
  });
}

v1::Channel NewChannel(const Caller& caller, const std::string& id, v1::ChannelType type,
                       absl::Time now) {
  v1::Channel channel;
  channel.set_id(id);
  channel.set_workspace_id(caller.workspace_id.str());
  channel.set_type(type);
  channel.set_created_by(caller.actor_id.str());
  *channel.mutable_created_at() = ToTimestamp(now);
  *channel.mutable_updated_at() = channel.created_at();
  channel.set_revision(1);
  return channel;
}

// Finds or makes the direct message of the caller and the others. `existed` tells which.
absl::Status OpenDirectIn(WriteTx& tx, const Caller& caller, const Acting& acting,
                          const std::string& new_id, const std::vector<std::string>& others,
                          v1::Channel* channel, bool* existed) {
  std::set<std::string> everyone(others.begin(), others.end());
  for (const std::string& other : everyone) {
    HEIM_RETURN_IF_ERROR(AccessActor(tx, caller, ActorId(other)).status());
  }
  everyone.insert(caller.actor_id.str());
  if (everyone.size() > kGroupDirectOthersMax + 1) {
    return InvalidField("actor_ids", "at most 8 other actors");
  }
  const std::string dm_key = absl::StrJoin(everyone, ",");
  const auto found = tx.channels.FindByDmKey(caller.workspace_id, dm_key);
  *existed = found.ok();
  if (!found.ok() && ReasonOf(found.status()) != v1::ERROR_REASON_CHANNEL_NOT_FOUND) {
    return found.status();
  }
  const std::string id = *existed ? found->id() : new_id;
  if (!*existed) {
    const v1::ChannelType type =
        everyone.size() <= 2 ? v1::CHANNEL_TYPE_DM : v1::CHANNEL_TYPE_GROUP_DM;
    HEIM_RETURN_IF_ERROR(
        InsertChannel(tx, acting, NewChannel(caller, id, type, acting.at), dm_key));
    for (const std::string& member : everyone) {
      HEIM_RETURN_IF_ERROR(
          AddToChannel(tx, acting, ChannelId(id), ActorId(member), v1::CHANNEL_ROLE_MEMBER)
              .status());
    }
  }
  HEIM_ASSIGN_OR_RETURN(*channel, tx.channels.GetFor(ChannelId(id), caller.actor_id));
  return absl::OkStatus();
}

absl::Status CheckDirectRequest(const v1::CreateChannelRequest& request) {
  if (!request.name().empty()) return InvalidField("name", "no name for a direct message");
  const size_t others = static_cast<size_t>(request.members_size());
  if (request.type() == v1::CHANNEL_TYPE_DM && others != 1) {
    return InvalidField("members", "exactly one actor for a dm");
  }
  if (request.type() == v1::CHANNEL_TYPE_GROUP_DM &&
      (others < kGroupDirectOthersMin || others > kGroupDirectOthersMax)) {
    return InvalidField("members", "2 to 8 actors for a group_dm");
  }
  return absl::OkStatus();
}

absl::Status CreateNamedIn(WriteTx& tx, const Caller& caller, const Acting& acting,
                           const std::string& id, const v1::CreateChannelRequest& request,
                           v1::Channel* made) {
  HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kCreateChannel));
  const v1::ChannelType type =
      request.type() == v1::CHANNEL_TYPE_UNSPECIFIED ? v1::CHANNEL_TYPE_PUBLIC : request.type();
  v1::Channel channel = NewChannel(caller, id, type, acting.at);
  channel.set_name(request.name());
  channel.set_topic(request.topic());
  channel.set_purpose(request.purpose());
  HEIM_RETURN_IF_ERROR(InsertChannel(tx, acting, channel, ""));
  const ChannelId channel_id(id);
  HEIM_RETURN_IF_ERROR(
      AddToChannel(tx, acting, channel_id, caller.actor_id, v1::CHANNEL_ROLE_OWNER).status());
  const std::set<std::string> others(request.members().begin(), request.members().end());
  for (const std::string& other : others) {
    if (other == caller.actor_id.str()) continue;
    HEIM_RETURN_IF_ERROR(AccessActor(tx, caller, ActorId(other)).status());
    HEIM_RETURN_IF_ERROR(
        AddToChannel(tx, acting, channel_id, ActorId(other), v1::CHANNEL_ROLE_MEMBER).status());
  }
  HEIM_ASSIGN_OR_RETURN(*made, tx.channels.GetFor(channel_id, caller.actor_id));
  return absl::OkStatus();
}

std::string FilterOf(const v1::ListChannelsRequest& request) {
  return absl::StrCat(request.type(), "/", request.include_archived(), "/", request.joined(), "/",
                      request.name());
}

absl::Status CheckRevision(const v1::Channel& channel, bool given, uint32_t expected) {
  if (given && expected != channel.revision()) return RevisionConflict(channel.revision());
  return absl::OkStatus();
}

// A private channel may become public and the reverse; direct messages stay what they are.
absl::Status CheckTypeChange(v1::ChannelType from, v1::ChannelType to) {
  if (from == to) return absl::OkStatus();
  if (IsDirect(from) || (to != v1::CHANNEL_TYPE_PUBLIC && to != v1::CHANNEL_TYPE_PRIVATE)) {
    return InvalidField("type", "public or private; a direct message keeps its type");
  }
  return absl::OkStatus();
}

bool SameShownFields(const v1::Channel& a, const v1::Channel& b) {
  return a.name() == b.name() && a.type() == b.type() && a.topic() == b.topic() &&
         a.purpose() == b.purpose();
}

absl::Status CheckNotDefault(WriteTx& tx, const v1::Channel& channel) {
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace,
                        tx.workspaces.Get(WorkspaceId(channel.workspace_id())));
  if (DefaultChannelOf(workspace).str() != channel.id()) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_PERMISSION_DENIED,
                   "The workspace's default channel cannot be archived or left");
}

}  // namespace

void ChannelService::CreateChannel(CallContext& context, const v1::CreateChannelRequest& request,
                                   Reply<v1::CreateChannelResponse> reply) {
  const bool direct = IsDirect(request.type());
  if (direct) {
    if (const absl::Status status = CheckDirectRequest(request); !status.ok()) return reply(status);
  } else {
    if (request.name().empty()) return reply(InvalidField("name", "a name of 1 to 80 characters"));
    if (const absl::Status status = CheckName(request.name()); !status.ok()) return reply(status);
  }
  const std::string id = ids_.NewId();
  CommitReply<v1::CreateChannelResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, direct, id](WriteTx& tx, v1::CreateChannelResponse* response) {
        const Acting acting{context.caller.actor_id, clock_.Now()};
        if (!direct) {
          return CreateNamedIn(tx, context.caller, acting, id, request,
                               response->mutable_channel());
        }
        bool existed = false;
        const absl::Status status = OpenDirectIn(
            tx, context.caller, acting, id, {request.members().begin(), request.members().end()},
            response->mutable_channel(), &existed);
        context.http_status = existed ? 200 : 0;
        return status;
      });
}

void ChannelService::OpenDirect(CallContext& context, const v1::OpenDirectRequest& request,
                                Reply<v1::OpenDirectResponse> reply) {
  const std::string id = ids_.NewId();
  CommitReply<v1::OpenDirectResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, id](WriteTx& tx, v1::OpenDirectResponse* response) {
        const Acting acting{context.caller.actor_id, clock_.Now()};
        bool existed = false;
        const absl::Status status =
            OpenDirectIn(tx, context.caller, acting, id,
                         {request.actor_ids().begin(), request.actor_ids().end()},
                         response->mutable_channel(), &existed);
        context.http_status = existed ? 200 : 0;
        return status;
      });
}

void ChannelService::ListChannels(CallContext& context, const v1::ListChannelsRequest& request,
                                  Reply<v1::ListChannelsResponse> reply) {
  v1::ListChannelsResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole role,
                          CheckWorkspaceRole(tx, context.caller, Permission::kReadWorkspace));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    ChannelFilter filter;
    filter.type = request.type();
    filter.include_archived = request.include_archived();
    filter.joined_only = request.joined() || role == v1::WORKSPACE_ROLE_GUEST;
    filter.name = request.name();
    filter.limit = limit + 1;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(const std::string key,
                            DecodeCursor(request.cursor(), FilterOf(request)));
      const std::pair<std::string, std::string> after =
          absl::StrSplit(key, absl::MaxSplits('|', 1));
      filter.after_name = after.first;
      filter.after_id = after.second;
    }
    HEIM_ASSIGN_OR_RETURN(
        std::vector<v1::Channel> channels,
        tx.channels.List(context.caller.workspace_id, context.caller.actor_id, filter));
    if (channels.size() > limit) {
      channels.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(
          FilterOf(request), absl::StrCat(channels.back().name(), "|", channels.back().id())));
    }
    for (v1::Channel& channel : channels) *response.add_channels() = std::move(channel);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void ChannelService::GetChannel(CallContext& context, const v1::GetChannelRequest& request,
                                Reply<v1::GetChannelResponse> reply) {
  v1::GetChannelResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                          AccessChannel(tx, context.caller, ChannelId(request.channel_id()),
                                        Permission::kReadChannel));
    *response.mutable_channel() = access.channel();
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void ChannelService::UpdateChannel(CallContext& context, const v1::UpdateChannelRequest& request,
                                   Reply<v1::UpdateChannelResponse> reply) {
  static constexpr std::array<std::string_view, 4> kFields = {"name", "topic", "purpose", "type"};
  const auto mask = EffectiveMask(request.update_mask(), request.channel(), kFields);
  if (!mask.ok()) return reply(mask.status());
  CommitReply<v1::UpdateChannelResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, mask = *mask](
          WriteTx& tx, v1::UpdateChannelResponse* response) -> absl::Status {
        const bool new_type = std::find(mask.begin(), mask.end(), "type") != mask.end();
        const Permission permission =
            new_type ? Permission::kChangeChannelType : Permission::kUpdateChannel;
        HEIM_ASSIGN_OR_RETURN(
            const ChannelAccess access,
            AccessChannel(tx, context.caller, ChannelId(request.channel_id()), permission));
        HEIM_RETURN_IF_ERROR(CheckRevision(access.channel(), request.has_expected_revision(),
                                           request.expected_revision()));
        v1::Channel channel = access.channel();
        ApplyMask(mask, request.channel(), &channel);
        if (SameShownFields(channel, access.channel())) {
          *response->mutable_channel() = access.channel();
          return absl::OkStatus();
        }
        HEIM_RETURN_IF_ERROR(CheckTypeChange(access.channel().type(), channel.type()));
        if (channel.name() != access.channel().name()) {
          if (IsDirect(channel.type())) return InvalidField("name", "no name for a direct message");
          if (channel.name().empty()) return InvalidField("name", "a name of 1 to 80 characters");
          HEIM_RETURN_IF_ERROR(CheckName(channel.name()));
        }
        const Acting acting{context.caller.actor_id, clock_.Now()};
        *channel.mutable_updated_at() = ToTimestamp(acting.at);
        channel.set_revision(channel.revision() + 1);
        HEIM_RETURN_IF_ERROR(tx.channels.Update(channel));
        HEIM_RETURN_IF_ERROR(
            EmitChannel(tx, acting, channel, [](v1::Event& event, v1::Channel shown) {
              *event.mutable_channel_updated()->mutable_channel() = std::move(shown);
            }));
        *response->mutable_channel() = std::move(channel);
        return absl::OkStatus();
      });
}

void ChannelService::ArchiveChannel(CallContext& context, const v1::ArchiveChannelRequest& request,
                                    Reply<v1::ArchiveChannelResponse> reply) {
  CommitReply<v1::ArchiveChannelResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx,
                                 v1::ArchiveChannelResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                              AccessChannel(tx, context.caller, ChannelId(request.channel_id()),
                                            Permission::kArchiveChannel));
        v1::Channel& channel = *response->mutable_channel();
        channel = access.channel();
        if (channel.archived()) return absl::OkStatus();
        HEIM_RETURN_IF_ERROR(CheckNotDefault(tx, channel));
        const Acting acting{context.caller.actor_id, clock_.Now()};
        channel.set_archived(true);
        *channel.mutable_updated_at() = ToTimestamp(acting.at);
        channel.set_revision(channel.revision() + 1);
        HEIM_RETURN_IF_ERROR(tx.channels.Update(channel));
        return EmitChannel(tx, acting, channel, [](v1::Event& event, v1::Channel shown) {
          *event.mutable_channel_archived()->mutable_channel() = std::move(shown);
        });
      },
      [this](const v1::ArchiveChannelResponse& response) {
        streams_.StopStreamsIn(ChannelId(response.channel().id()), "stopped_by_admin");
      });
}

void ChannelService::UnarchiveChannel(CallContext& context,
                                      const v1::UnarchiveChannelRequest& request,
                                      Reply<v1::UnarchiveChannelResponse> reply) {
  CommitReply<v1::UnarchiveChannelResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx,
                                 v1::UnarchiveChannelResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                              AccessChannel(tx, context.caller, ChannelId(request.channel_id()),
                                            Permission::kArchiveChannel));
        v1::Channel& channel = *response->mutable_channel();
        channel = access.channel();
        if (!channel.archived()) return absl::OkStatus();
        const Acting acting{context.caller.actor_id, clock_.Now()};
        channel.set_archived(false);
        *channel.mutable_updated_at() = ToTimestamp(acting.at);
        channel.set_revision(channel.revision() + 1);
        HEIM_RETURN_IF_ERROR(tx.channels.Update(channel));
        return EmitChannel(tx, acting, channel, [](v1::Event& event, v1::Channel shown) {
          *event.mutable_channel_unarchived()->mutable_channel() = std::move(shown);
        });
      });
}

}  // namespace heim
