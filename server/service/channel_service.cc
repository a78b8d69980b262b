#include "server/service/channel_service.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/channel_writes.h"
#include "server/service/commit_reply.h"
#include "server/service/membership.h"
#include "server/service/read_cursors.h"

namespace heim {
namespace {

constexpr size_t kGroupDirectOthersMin = 2;
constexpr size_t kGroupDirectOthersMax = 8;

// Finds or makes the direct message of the caller and the others. `existed` tells which.
absl::Status OpenDirectIn(WriteTx& tx, const Caller& caller, const Acting& acting,
                          const std::string& new_id, const std::vector<std::string>& others,
                          v1::Channel* channel, bool* existed) {
  HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kOpenDirect));
  std::set<std::string> everyone(others.begin(), others.end());
  bool deactivated = false;
  for (const std::string& other : everyone) {
    HEIM_ASSIGN_OR_RETURN(const v1::Actor actor, AccessActor(tx, caller, ActorId(other)));
    deactivated |= actor.has_deleted_at();
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
  if (!*existed && deactivated) {
    return MakeError(v1::ERROR_REASON_ACTOR_DEACTIVATED,
                     "Nobody can write to an actor that is deactivated");
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
  if (request.history_visibility() != v1::HISTORY_VISIBILITY_UNSPECIFIED) {
    channel.set_history_visibility(request.history_visibility());
  }
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

// The channel that had the name before, if the caller may know of it and it passes the filter.
absl::Status AddFormerlyNamed(ReadTx& tx, const Caller& caller, const ChannelFilter& filter,
                              v1::ListChannelsResponse* response) {
  const auto id = tx.channels.FormerlyNamed(caller.workspace_id, filter.name);
  if (ReasonOf(id.status()) == v1::ERROR_REASON_CHANNEL_NOT_FOUND) return absl::OkStatus();
  HEIM_RETURN_IF_ERROR(id.status());
  const auto access = AccessChannel(tx, caller, *id, Permission::kReadChannel);
  if (ReasonOf(access.status()) == v1::ERROR_REASON_CHANNEL_NOT_FOUND) return absl::OkStatus();
  HEIM_RETURN_IF_ERROR(access.status());
  const v1::Channel& channel = access->channel();
  const bool wanted =
      (filter.include_archived || !channel.archived()) &&
      (!filter.joined_only || channel.has_me()) &&
      (filter.type == v1::CHANNEL_TYPE_UNSPECIFIED || filter.type == channel.type());
  if (wanted) *response->add_channels() = channel;
  return absl::OkStatus();
}

std::string FilterOf(const v1::ListChannelsRequest& request) {
  return absl::StrCat(request.type(), "/", request.include_archived(), "/", request.joined(), "/",
                      request.name());
}

}  // namespace

void ChannelService::CreateChannel(CallContext& context, const v1::CreateChannelRequest& request,
                                   Reply<v1::CreateChannelResponse> reply) {
  const bool direct = IsDirect(request.type());
  if (direct) {
    if (const absl::Status status = CheckDirectRequest(request); !status.ok()) return reply(status);
  } else {
    if (request.name().empty()) return reply(InvalidField("name", "a name of 1 to 80 characters"));
    if (const absl::Status status = CheckChannelName(request.name()); !status.ok())
      return reply(status);
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
        tx.note.nothing = true;  // who talks to whom is nobody else's
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
    if (request.include_read_states()) {
      HEIM_ASSIGN_OR_RETURN(std::vector<v1::ReadState> states,
                            ReadStatesOf(tx, context.caller, channels));
      for (v1::ReadState& state : states) *response.add_read_states() = std::move(state);
    }
    for (v1::Channel& channel : channels) *response.add_channels() = std::move(channel);
    if (response.channels_size() > 0 || filter.name.empty()) return absl::OkStatus();
    return AddFormerlyNamed(tx, context.caller, filter, &response);
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

}  // namespace heim
