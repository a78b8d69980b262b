#include "server/service/channel_writes.h"

#include <algorithm>
#include <array>
#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/time.h"

namespace heim {
namespace {

constexpr std::array<std::string_view, 8> kReservedNames = {
    "all", "here", "channel", "everyone", "system", "admin", "me", "direct"};

}  // namespace

bool IsDirect(v1::ChannelType type) {
  return type == v1::CHANNEL_TYPE_DM || type == v1::CHANNEL_TYPE_GROUP_DM;
}

absl::Status CheckChannelName(std::string_view name) {
  if (std::find(kReservedNames.begin(), kReservedNames.end(), name) == kReservedNames.end()) {
    return absl::OkStatus();
  }
  return InvalidField("name",
                      "a name that is not reserved (all, here, channel, everyone, system, admin, "
                      "me, direct)");
}

absl::Status RefuseDirect(const v1::Channel& channel, std::string_view text) {
  if (!IsDirect(channel.type())) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_PERMISSION_DENIED, text);
}

absl::Status RefuseDefault(ReadTx& tx, const v1::Channel& channel) {
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace,
                        tx.workspaces.Get(WorkspaceId(channel.workspace_id())));
  if (DefaultChannelOf(workspace).str() != channel.id()) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_DEFAULT_CHANNEL,
                   "Everybody is in the workspace's default channel; choose another one as the "
                   "default first");
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
  channel.set_history_visibility(v1::HISTORY_VISIBILITY_ALL);
  return channel;
}

absl::Status InsertChannel(WriteTx& tx, const Acting& acting, const v1::Channel& channel,
                           std::string_view dm_key) {
  HEIM_RETURN_IF_ERROR(tx.channels.Insert(channel, dm_key));
  return EmitChannel(tx, acting, channel, [](v1::Event& event, v1::Channel shown) {
    *event.mutable_channel_created()->mutable_channel() = std::move(shown);
  });
}

absl::Status EmitChannel(WriteTx& tx, const Acting& acting, const v1::Channel& channel,
                         absl::FunctionRef<void(v1::Event&, v1::Channel)> set_payload) {
  v1::Event event = ChannelEvent(acting, ChannelId(channel.id()));
  set_payload(event, PublicChannel(channel));
  return tx.Emit(WorkspaceId(channel.workspace_id()), std::move(event)).status();
}

}  // namespace heim
