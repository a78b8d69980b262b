#include "server/service/read_state_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/inbox_marks.h"
#include "server/service/membership.h"

namespace heim {
namespace {

constexpr std::string_view kPageFilter = "read_states";

// What was read, as a seq of the channel.
absl::StatusOr<uint64_t> SeqRead(WriteTx& tx, const ChannelAccess& access,
                                 const v1::MarkReadRequest& request) {
  if (request.has_message_id() == request.has_seq()) {
    return InvalidField("message_id", "either message_id or seq");
  }
  if (request.has_seq()) return std::min<uint64_t>(request.seq(), access.channel().last_seq());
  HEIM_ASSIGN_OR_RETURN(const v1::Message message,
                        MessageIn(tx, access, MessageId(request.message_id())));
  return message.seq();
}

// The root of the thread whose cursor moves; it must lie in the channel.
absl::StatusOr<std::optional<MessageId>> ThreadOf(WriteTx& tx, const ChannelAccess& access,
                                                  const v1::MarkReadRequest& request) {
  if (!request.has_thread_id()) return std::nullopt;
  const MessageId root(request.thread_id());
  HEIM_ASSIGN_OR_RETURN(const v1::Message message, MessageIn(tx, access, root));
  if (message.has_thread_id()) return MessageNotFound();
  return root;
}

absl::Status EmitReadUpdated(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                             const v1::ReadState& state) {
  v1::Event event = ChannelEvent(acting, ChannelId(state.channel_id()));
  event.set_to_actor_id(acting.by.str());
  v1::ReadUpdated& payload = *event.mutable_read_updated();
  payload.set_channel_id(state.channel_id());
  if (state.has_thread_id()) payload.set_thread_id(state.thread_id());
  payload.set_last_read_seq(state.last_read_seq());
  payload.set_unread_count(state.unread_count());
  payload.set_mention_count(state.mention_count());
  HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
  return MarkInboxRead(tx, acting, workspace, state);
}

}  // namespace

void ReadStateService::MarkRead(CallContext& context, const v1::MarkReadRequest& request,
                                Reply<v1::MarkReadResponse> reply) {
  CommitReply<v1::MarkReadResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::MarkReadResponse* response) -> absl::Status {
        const ChannelId channel(request.channel_id());
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                              AccessChannel(tx, context.caller, channel, Permission::kMarkRead));
        HEIM_ASSIGN_OR_RETURN(const uint64_t seq, SeqRead(tx, access, request));
        HEIM_ASSIGN_OR_RETURN(const std::optional<MessageId> thread, ThreadOf(tx, access, request));
        const Acting acting{context.caller.actor_id, clock_.Now()};
        const auto moved = thread.has_value()
                               ? tx.members.MarkThreadRead(*thread, acting.by, seq, acting.at)
                               : tx.members.MarkRead(channel, acting.by, seq, acting.at);
        HEIM_RETURN_IF_ERROR(moved.status());
        HEIM_ASSIGN_OR_RETURN(*response->mutable_read_state(),
                              tx.members.ReadStateOf(channel, acting.by, thread));
        if (!*moved) return absl::OkStatus();
        return EmitReadUpdated(tx, acting, access.workspace_id(), response->read_state());
      });
}

void ReadStateService::ListReadStates(CallContext& context,
                                      const v1::ListReadStatesRequest& request,
                                      Reply<v1::ListReadStatesResponse> reply) {
  v1::ListReadStatesResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    std::string after;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(after, DecodeCursor(request.cursor(), kPageFilter));
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::ReadState> states,
                          tx.members.ReadStates(context.caller.workspace_id,
                                                context.caller.actor_id, after, limit + 1));
    if (states.size() > limit) {
      states.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(kPageFilter, states.back().channel_id()));
    }
    for (v1::ReadState& state : states) *response.add_read_states() = std::move(state);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

}  // namespace heim
