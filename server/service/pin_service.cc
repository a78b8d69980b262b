#include "server/service/pin_service.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/list_key.h"

namespace heim {
namespace {

// The channel first, so that what hides it hides the message too; the message must lie in it.
absl::StatusOr<MessageAccess> AccessPinned(ReadTx& tx, const Caller& caller,
                                           const std::string& channel, const std::string& message) {
  HEIM_RETURN_IF_ERROR(AccessChannel(tx, caller, ChannelId(channel), Permission::kPin).status());
  HEIM_ASSIGN_OR_RETURN(MessageAccess access,
                        AccessMessage(tx, caller, MessageId(message), Permission::kReadChannel));
  if (access.message.channel_id() != channel) return MessageNotFound();
  return access;
}

absl::Status Pin(WriteTx& tx, const Acting& acting, const MessageAccess& access, v1::Pin* pin) {
  const ChannelId channel = access.access.id();
  HEIM_ASSIGN_OR_RETURN(const std::optional<v1::Pin> before,
                        tx.pins.Find(channel, MessageId(access.message.id())));
  if (before.has_value()) {
    *pin = *before;
    return absl::OkStatus();
  }
  if (access.message.has_deleted_at()) {
    return MakeError(v1::ERROR_REASON_MESSAGE_DELETED, "The message was deleted");
  }
  HEIM_ASSIGN_OR_RETURN(const int64_t pins, tx.pins.Count(channel));
  if (pins >= kPinsMax) {
    return MakeError(v1::ERROR_REASON_LIMIT_REACHED,
                     absl::StrCat("A channel has at most ", kPinsMax, " pins"));
  }
  pin->set_channel_id(channel.str());
  pin->set_message_id(access.message.id());
  pin->set_pinned_by(acting.by.str());
  *pin->mutable_pinned_at() = ToTimestamp(acting.at);
  HEIM_RETURN_IF_ERROR(tx.pins.Add(*pin).status());
  v1::Event event = MessageEvent(acting, access.message);
  *event.mutable_pin_added()->mutable_pin() = *pin;
  return tx.Emit(access.access.workspace_id(), std::move(event)).status();
}

}  // namespace

absl::StatusOr<std::optional<v1::Pin>> RemovePin(WriteTx& tx, const Acting& acting,
                                                 const WorkspaceId& workspace,
                                                 const ChannelId& channel,
                                                 const MessageId& message) {
  HEIM_ASSIGN_OR_RETURN(const std::optional<v1::Pin> pin, tx.pins.Remove(channel, message));
  if (!pin.has_value()) return pin;
  HEIM_ASSIGN_OR_RETURN(const v1::Message unpinned, tx.messages.Get(message));
  v1::Event event = MessageEvent(acting, unpinned);
  v1::PinRemoved& removed = *event.mutable_pin_removed();
  removed.set_channel_id(channel.str());
  removed.set_message_id(message.str());
  removed.set_removed_by(acting.by.str());
  HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
  return pin;
}

void PinService::PinMessage(CallContext& context, const v1::PinMessageRequest& request,
                            Reply<v1::PinMessageResponse> reply) {
  CommitReply<v1::PinMessageResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::PinMessageResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(
            const MessageAccess access,
            AccessPinned(tx, context.caller, request.channel_id(), request.message_id()));
        return Pin(tx, Acting{context.caller.actor_id, clock_.Now()}, access,
                   response->mutable_pin());
      });
}

void PinService::UnpinMessage(CallContext& context, const v1::UnpinMessageRequest& request,
                              Reply<v1::UnpinMessageResponse> reply) {
  CommitReply<v1::UnpinMessageResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::UnpinMessageResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(
            const MessageAccess access,
            AccessPinned(tx, context.caller, request.channel_id(), request.message_id()));
        HEIM_ASSIGN_OR_RETURN(std::optional<v1::Pin> pin,
                              RemovePin(tx, Acting{context.caller.actor_id, clock_.Now()},
                                        access.access.workspace_id(), access.access.id(),
                                        MessageId(access.message.id())));
        if (pin.has_value()) *response->mutable_pin() = *std::move(pin);
        return absl::OkStatus();
      });
}

void PinService::ListPins(CallContext& context, const v1::ListPinsRequest& request,
                          Reply<v1::ListPinsResponse> reply) {
  v1::ListPinsResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    const ChannelId channel(request.channel_id());
    HEIM_RETURN_IF_ERROR(
        AccessChannel(tx, context.caller, channel, Permission::kReadChannel).status());
    PinKey after;
    const std::string filter = StrCat(channel.str(), "/pins");
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(const std::string text, DecodeCursor(request.cursor(), filter));
      HEIM_ASSIGN_OR_RETURN(const ListKey key, ParseListKey(text));
      after = {key.at_ms, key.id};
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::Pin> pins, tx.pins.List(channel, after, limit + 1));
    if (pins.size() > limit) {
      pins.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(
          EncodeCursor(filter, FormatListKey(pins.back().pinned_at(), pins.back().message_id())));
    }
    for (v1::Pin& pin : pins) {
      auto access =
          AccessMessage(tx, context.caller, MessageId(pin.message_id()), Permission::kReadChannel);
      if (ReasonOf(access.status()) == v1::ERROR_REASON_MESSAGE_NOT_FOUND) continue;
      HEIM_RETURN_IF_ERROR(access.status());
      *pin.mutable_message() = std::move(access->message);
      *response.add_pins() = std::move(pin);
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

}  // namespace heim
