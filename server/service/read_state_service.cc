#include "server/service/read_state_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/inbox_marks.h"
#include "server/service/membership.h"
#include "server/service/read_cursors.h"

namespace heim {
namespace {

constexpr std::string_view kPageFilter = "read_states";

// What was named, as a seq of the channel.
template <class Request>
absl::StatusOr<uint64_t> SeqNamed(WriteTx& tx, const ChannelAccess& access,
                                  const Request& request) {
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

// The thread named, or that of the reply named; nullopt for the channel itself.
absl::StatusOr<std::optional<MessageId>> UnreadThreadOf(WriteTx& tx, const ChannelAccess& access,
                                                        const v1::MarkUnreadRequest& request) {
  v1::MarkReadRequest same;
  same.set_channel_id(request.channel_id());
  if (request.has_thread_id()) same.set_thread_id(request.thread_id());
  if (request.has_thread_id() || !request.has_message_id()) return ThreadOf(tx, access, same);
  HEIM_ASSIGN_OR_RETURN(const v1::Message message,
                        MessageIn(tx, access, MessageId(request.message_id())));
  if (!message.has_thread_id()) return std::nullopt;
  return MessageId(message.thread_id());
}

}  // namespace

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

absl::StatusOr<std::vector<v1::ReadState>> ReadStatesOf(ReadTx& tx, const Caller& caller,
                                                        absl::Span<const v1::Channel> channels) {
  std::vector<std::string_view> ids;
  for (const v1::Channel& channel : channels) {
    if (channel.has_me()) ids.push_back(channel.id());
  }
  HEIM_ASSIGN_OR_RETURN(std::vector<v1::ReadState> states,
                        tx.members.ReadStatesIn(caller.workspace_id, caller.actor_id, ids));
  std::sort(states.begin(), states.end(), [](const v1::ReadState& a, const v1::ReadState& b) {
    return a.channel_id() < b.channel_id();
  });
  return states;
}

namespace {

// The cursor stood there already, or further: what came up to `seq` since, such as a mention by an
// edit, is seen now.
absl::Status SeeAgain(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                      v1::ReadState state, uint64_t seq) {
  state.set_last_read_seq(seq);
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
        HEIM_ASSIGN_OR_RETURN(const uint64_t seq, SeqNamed(tx, access, request));
        HEIM_ASSIGN_OR_RETURN(const std::optional<MessageId> thread, ThreadOf(tx, access, request));
        const Acting acting{context.caller.actor_id, clock_.Now()};
        const auto moved = thread.has_value()
                               ? tx.members.MarkThreadRead(*thread, acting.by, seq, acting.at)
                               : tx.members.MarkRead(channel, acting.by, seq, acting.at);
        HEIM_RETURN_IF_ERROR(moved.status());
        HEIM_ASSIGN_OR_RETURN(*response->mutable_read_state(),
                              tx.members.ReadStateOf(channel, acting.by, thread));
        if (!*moved) {
          return SeeAgain(tx, acting, access.workspace_id(), response->read_state(), seq);
        }
        return EmitReadUpdated(tx, acting, access.workspace_id(), response->read_state());
      });
}

void ReadStateService::MarkUnread(CallContext& context, const v1::MarkUnreadRequest& request,
                                  Reply<v1::MarkUnreadResponse> reply) {
  CommitReply<v1::MarkUnreadResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::MarkUnreadResponse* response) -> absl::Status {
        const ChannelId channel(request.channel_id());
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                              AccessChannel(tx, context.caller, channel, Permission::kMarkRead));
        HEIM_ASSIGN_OR_RETURN(const uint64_t seq, SeqNamed(tx, access, request));
        HEIM_ASSIGN_OR_RETURN(const std::optional<MessageId> thread,
                              UnreadThreadOf(tx, access, request));
        const Acting acting{context.caller.actor_id, clock_.Now()};
        const uint64_t cursor = seq == 0 ? 0 : seq - 1;
        const auto moved = thread.has_value()
                               ? tx.members.MarkThreadUnread(*thread, acting.by, cursor)
                               : tx.members.MarkUnread(channel, acting.by, cursor);
        HEIM_RETURN_IF_ERROR(moved.status());
        HEIM_ASSIGN_OR_RETURN(*response->mutable_read_state(),
                              tx.members.ReadStateOf(channel, acting.by, thread));
        if (!*moved) return absl::OkStatus();
        return EmitReadUpdated(tx, acting, access.workspace_id(), response->read_state());
      });
}

void ReadStateService::MarkAllRead(CallContext& context, const v1::MarkAllReadRequest& request,
                                   Reply<v1::MarkAllReadResponse> reply) {
  CommitReply<v1::MarkAllReadResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::MarkAllReadResponse* response) -> absl::Status {
        const Acting acting{context.caller.actor_id, clock_.Now()};
        HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
        for (const v1::SeenChannel& seen : request.channels()) {
          const ChannelId channel(seen.channel_id());
          const auto access = AccessChannel(tx, context.caller, channel, Permission::kMarkRead);
          const v1::ErrorReason reason = ReasonOf(access.status());
          if (reason == v1::ERROR_REASON_CHANNEL_NOT_FOUND) continue;
          if (reason == v1::ERROR_REASON_CHANNEL_ROLE_REQUIRED) continue;
          HEIM_RETURN_IF_ERROR(access.status());
          const uint64_t seq = std::min<uint64_t>(seen.seq(), access->channel().last_seq());
          HEIM_ASSIGN_OR_RETURN(const bool moved,
                                tx.members.MarkRead(channel, acting.by, seq, acting.at));
          v1::ReadState& state = *response->add_read_states();
          HEIM_ASSIGN_OR_RETURN(state, tx.members.ReadStateOf(channel, acting.by, std::nullopt));
          HEIM_RETURN_IF_ERROR(moved ? EmitReadUpdated(tx, acting, access->workspace_id(), state)
                                     : SeeAgain(tx, acting, access->workspace_id(), state, seq));
        }
        return absl::OkStatus();
      });
}

void ReadStateService::GetUnreadSummary(CallContext& context, const v1::GetUnreadSummaryRequest&,
                                        Reply<v1::GetUnreadSummaryResponse> reply) {
  v1::GetUnreadSummaryResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
    HEIM_ASSIGN_OR_RETURN(
        *response.mutable_summary(),
        tx.members.UnreadTotals(context.caller.workspace_id, context.caller.actor_id));
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
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
    const ChannelRange range{after, states.empty() ? "" : states.back().channel_id()};
    for (v1::ReadState& state : states) *response.add_read_states() = std::move(state);
    if (!request.include_threads()) return absl::OkStatus();
    HEIM_ASSIGN_OR_RETURN(
        std::vector<v1::ReadState> threads,
        tx.members.UnreadThreads(context.caller.workspace_id, context.caller.actor_id, range,
                                 kUnreadThreadsShown));
    for (v1::ReadState& state : threads) *response.add_read_states() = std::move(state);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

}  // namespace heim
