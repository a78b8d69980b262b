// The part of ChannelService that changes a channel: its fields, archive and back.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/mask.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/channel_service.h"
#include "server/service/channel_writes.h"
#include "server/service/commit_reply.h"
#include "server/service/membership.h"

namespace heim {
namespace {

using Mask = std::vector<std::string>;

bool Contains(const Mask& mask, std::string_view field) {
  return std::find(mask.begin(), mask.end(), field) != mask.end();
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

absl::Status CheckNameChange(const v1::Channel& before, const v1::Channel& after) {
  if (before.name() == after.name()) return absl::OkStatus();
  if (IsDirect(after.type())) return InvalidField("name", "no name for a direct message");
  if (after.name().empty()) return InvalidField("name", "a name of 1 to 80 characters");
  return CheckChannelName(after.name());
}

bool SameShownFields(const v1::Channel& a, const v1::Channel& b) {
  return a.name() == b.name() && a.type() == b.type() && a.topic() == b.topic() &&
         a.purpose() == b.purpose() && a.history_visibility() == b.history_visibility();
}

absl::Status CheckChange(ReadTx& tx, const v1::Channel& before, const v1::Channel& after) {
  HEIM_RETURN_IF_ERROR(CheckTypeChange(before.type(), after.type()));
  HEIM_RETURN_IF_ERROR(CheckNameChange(before, after));
  if (after.history_visibility() == v1::HISTORY_VISIBILITY_UNSPECIFIED) {
    return InvalidField("history_visibility", "all or since_joining");
  }
  const bool closes = before.type() != after.type() && after.type() == v1::CHANNEL_TYPE_PRIVATE;
  return closes ? RefuseDefault(tx, before) : absl::OkStatus();
}

// Applies a change that was checked: rows, the name that is given up, what newcomers may read.
absl::Status Change(WriteTx& tx, const Acting& acting, const v1::Channel& before,
                    bool expose_history, v1::Channel* channel) {
  const ChannelId id(channel->id());
  const WorkspaceId workspace(channel->workspace_id());
  *channel->mutable_updated_at() = ToTimestamp(acting.at);
  channel->set_revision(channel->revision() + 1);
  HEIM_RETURN_IF_ERROR(tx.channels.Update(*channel));
  if (channel->name() != before.name()) {
    HEIM_RETURN_IF_ERROR(tx.channels.KeepName(workspace, id, before.name()));
  }
  if (channel->type() != before.type() && channel->type() == v1::CHANNEL_TYPE_PUBLIC) {
    HistoryStart start;
    HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace));
    if (!expose_history) start = {channel->last_seq() + 1, position};
    HEIM_RETURN_IF_ERROR(tx.channels.SetOpenFrom(id, start));
  }
  return EmitChannel(tx, acting, *channel, [](v1::Event& event, v1::Channel shown) {
    *event.mutable_channel_updated()->mutable_channel() = std::move(shown);
  });
}

}  // namespace

void ChannelService::UpdateChannel(CallContext& context, const v1::UpdateChannelRequest& request,
                                   Reply<v1::UpdateChannelResponse> reply) {
  static constexpr std::array<std::string_view, 5> kFields = {"name", "topic", "purpose", "type",
                                                              "history_visibility"};
  const auto mask = EffectiveMask(request.update_mask(), request.channel(), kFields);
  if (!mask.ok()) return reply(mask.status());
  CommitReply<v1::UpdateChannelResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, mask = *mask](
          WriteTx& tx, v1::UpdateChannelResponse* response) -> absl::Status {
        const bool who_reads = Contains(mask, "type") || Contains(mask, "history_visibility");
        const Permission permission =
            who_reads ? Permission::kChangeChannelType : Permission::kUpdateChannel;
        HEIM_ASSIGN_OR_RETURN(
            const ChannelAccess access,
            AccessChannel(tx, context.caller, ChannelId(request.channel_id()), permission));
        const v1::Channel& before = access.channel();
        HEIM_RETURN_IF_ERROR(
            CheckRevision(before, request.has_expected_revision(), request.expected_revision()));
        tx.note.Before(before);
        v1::Channel& channel = *response->mutable_channel();
        channel = before;
        ApplyMask(mask, request.channel(), &channel);
        if (SameShownFields(channel, before)) return absl::OkStatus();
        HEIM_RETURN_IF_ERROR(CheckChange(tx, before, channel));
        return Change(tx, {context.caller.actor_id, clock_.Now()}, before, request.expose_history(),
                      &channel);
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
        tx.note.Before(channel);
        if (channel.archived()) return absl::OkStatus();
        HEIM_RETURN_IF_ERROR(RefuseDefault(tx, channel));
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
        tx.note.Before(channel);
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
