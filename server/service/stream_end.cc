// The half of StreamService that ends streams: finish, abort, stall and moderation are one thing.
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/model/content.h"
#include "server/model/errors.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/audit.h"
#include "server/service/message_writes.h"
#include "server/service/stream_service.h"

namespace heim {
namespace {

// Text and metadata of the message as the stream leaves it: what finish gives wins.
void FillFinal(const v1::Stream& closed, const v1::FinishStreamRequest* request,
               v1::Message* message) {
  message->set_content(closed.content());
  *message->mutable_parts() = closed.parts();
  if (request == nullptr) return;
  if (request->has_content()) {
    message->set_content(request->content());
    message->clear_parts();
  }
  if (request->parts_size() > 0) {
    *message->mutable_parts() = request->parts();
    if (!request->has_content()) message->clear_content();
  }
  for (const auto& [key, value] : request->metadata().fields()) {
    (*message->mutable_metadata()->mutable_fields())[key] = value;
  }
}

bool IsEmpty(const v1::Message& message) {
  return message.content().empty() && message.parts_size() == 0;
}

absl::Status EmitStreamEnd(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                           const v1::Stream& stream, std::string_view outcome) {
  v1::Event event = ChannelEvent(acting, ChannelId(stream.channel_id()));
  event.set_message_seq(stream.message_seq());
  v1::MessageStreamEnd& payload = *event.mutable_message_stream_end();
  payload.set_stream_id(stream.id());
  payload.set_channel_id(stream.channel_id());
  payload.set_actor_id(stream.actor_id());
  payload.set_message_id(stream.message_id());
  payload.set_state(stream.state());
  if (!outcome.empty()) payload.set_outcome(std::string(outcome));
  return tx.Emit(workspace, std::move(event)).status();
}

// What finish gives must be right; what was streamed and is wrong must not keep a stream from its
// end.
absl::Status LinkStreamed(WriteTx& tx, const WorkspaceId& workspace,
                          const v1::FinishStreamRequest* request, const v1::Message& message) {
  const absl::Status linked = LinkFileParts(tx, workspace, nullptr, message);
  const bool given = request != nullptr && request->parts_size() > 0;
  const bool unknown = ReasonOf(linked) == v1::ERROR_REASON_FILE_NOT_FOUND;
  return unknown && !given ? absl::OkStatus() : linked;
}

}  // namespace

absl::Status StreamService::EndIn(WriteTx& tx, const v1::Stream& closed, const Ending& ending,
                                  v1::Message* remains) {
  const StreamId id(closed.id());
  auto found = tx.streams.Get(id);
  // Purged with its channel: nothing is left to end.
  if (ReasonOf(found.status()) == v1::ERROR_REASON_STREAM_NOT_FOUND) return absl::OkStatus();
  HEIM_RETURN_IF_ERROR(found.status());
  StreamRow row = *std::move(found);
  const v1::FinishStreamRequest* request = ending.request.has_value() ? &*ending.request : nullptr;
  const Acting acting{ending.by.empty() ? ActorId(closed.actor_id()) : ending.by,
                      deps_.clock.Now()};
  HEIM_ASSIGN_OR_RETURN(v1::Message message, tx.messages.Get(MessageId(closed.message_id())));
  const bool deleted = message.has_deleted_at();
  if (!deleted) {
    FillFinal(closed, request, &message);
    message.set_state(ending.state == v1::STREAM_STATE_FINISHED ? v1::MESSAGE_STATE_FINAL
                                                                : v1::MESSAGE_STATE_INTERRUPTED);
    if (!IsEmpty(message)) HEIM_RETURN_IF_ERROR(NormalizeMessageContent(&message));
  }
  row.stream = closed;
  row.stream.set_state(ending.state);
  row.stream.set_durable_index(closed.next_index());
  row.stream.clear_content();  // the message has it now
  row.stream.clear_parts();
  row.outcome = ending.outcome;
  HEIM_RETURN_IF_ERROR(tx.streams.Update(row));
  HEIM_RETURN_IF_ERROR(EmitStreamEnd(tx, acting, row.workspace_id, row.stream, ending.outcome));
  if (ending.audited != nullptr) {
    tx.note.Before(message);
    tx.note.Subject("message", message.id());
    HEIM_RETURN_IF_ERROR(EnterAudit(tx, *ending.audited, v1::AbortStreamResponse()));
  }
  *remains = message;
  if (deleted) return absl::OkStatus();
  if (IsEmpty(message)) {
    // Erased as what it is in the rows: not counted into its thread yet.
    message.set_state(v1::MESSAGE_STATE_STREAMING);
    HEIM_ASSIGN_OR_RETURN(*remains, EraseMessage(tx, acting, row.workspace_id, message));
    return absl::OkStatus();
  }
  HEIM_RETURN_IF_ERROR(LinkStreamed(tx, row.workspace_id, request, message));
  HEIM_RETURN_IF_ERROR(FillMentions(tx, row.workspace_id, &message));
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(row.workspace_id));
  HEIM_RETURN_IF_ERROR(tx.messages.Update(message, position));
  HEIM_RETURN_IF_ERROR(EmitNewMessage(tx, {ActorId(closed.actor_id()), acting.at}, row.workspace_id,
                                      message, deps_.presence));
  *remains = std::move(message);
  return absl::OkStatus();
}

void StreamService::End(const StreamId& stream, Ending ending,
                        absl::AnyInvocable<void(absl::StatusOr<v1::Message>)> done) {
  auto closed = deps_.live.Close(stream, ending.state);
  if (!closed.ok()) return done(closed.status());
  auto remains = std::make_shared<v1::Message>();
  Draft draft;
  draft.apply = [this, closed = *std::move(closed), ending = std::move(ending),
                 remains](WriteTx& tx) { return EndIn(tx, closed, ending, remains.get()); };
  deps_.store.Commit(std::move(draft), [this, stream, remains, done = std::move(done)](
                                           const absl::StatusOr<Committed>& committed) mutable {
    if (!committed.ok()) {
      deps_.live.Reopen(stream);
      return done(committed.status());
    }
    deps_.live.Forget(stream);
    if (remains->id().empty()) return done(StreamNotFound());
    done(std::move(*remains));
  });
}

// A repeat after the end answers the same message. Read on the writer's thread, where an end that
// is under way was queued before.
void StreamService::AnswerRepeat(const CallContext& context, const StreamId& id,
                                 Reply<v1::FinishStreamResponse> reply) {
  auto response = std::make_shared<v1::FinishStreamResponse>();
  Draft draft;
  draft.apply = [id, caller = context.caller, response](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const StreamRow row, tx.streams.Get(id));
    if (row.stream.actor_id() != caller.actor_id.str() || row.workspace_id != caller.workspace_id) {
      return StreamNotFound();
    }
    if (row.stream.state() == v1::STREAM_STATE_ACTIVE) {
      return MakeError(v1::ERROR_REASON_OVERLOADED, "The stream is about to end; try again");
    }
    if (row.stream.state() != v1::STREAM_STATE_FINISHED) {
      return MakeError(v1::ERROR_REASON_STREAM_STOPPED, "The stream was stopped");
    }
    HEIM_ASSIGN_OR_RETURN(*response->mutable_message(),
                          tx.messages.Get(MessageId(row.stream.message_id())));
    return absl::OkStatus();
  };
  deps_.store.Commit(std::move(draft), [response, reply = std::move(reply)](
                                           const absl::StatusOr<Committed>& read) mutable {
    if (!read.ok()) return reply(read.status());
    reply(std::move(*response));
  });
}

void StreamService::FinishStream(CallContext& context, const v1::FinishStreamRequest& request,
                                 Reply<v1::FinishStreamResponse> reply) {
  const StreamId id(request.stream_id());
  if (id.empty()) return reply(InvalidField("stream_id", "a value; it is required"));
  if (IsOfOthers(context.caller, id)) return reply(StreamNotFound());
  if (!deps_.live.PlaceOf(id).has_value()) return AnswerRepeat(context, id, std::move(reply));
  Ending ending;
  ending.request = request;
  End(id, std::move(ending),
      [reply = std::move(reply)](absl::StatusOr<v1::Message> message) mutable {
        if (!message.ok()) return reply(message.status());
        v1::FinishStreamResponse finished;
        *finished.mutable_message() = *std::move(message);
        reply(std::move(finished));
      });
}

absl::StatusOr<std::string> StreamService::AbortOutcome(const Caller& caller, const StreamId& id) {
  std::string outcome;
  HEIM_RETURN_IF_ERROR(deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const StreamRow row, tx.streams.Get(id));
    const ChannelId channel(row.stream.channel_id());
    const auto message =
        AccessMessage(tx, caller, MessageId(row.stream.message_id()), Permission::kReadChannel);
    if (ReasonOf(message.status()) == v1::ERROR_REASON_MESSAGE_NOT_FOUND) return StreamNotFound();
    HEIM_RETURN_IF_ERROR(message.status());
    if (row.stream.state() != v1::STREAM_STATE_ACTIVE) {
      return MakeError(v1::ERROR_REASON_STREAM_FINISHED, "The stream has ended");
    }
    outcome = "stopped_by_author";
    if (row.stream.actor_id() == caller.actor_id.str()) return absl::OkStatus();
    // The person being answered: the other one of a direct message, or the thread's author.
    outcome = "stopped_by_reader";
    if (message->access.channel().type() == v1::CHANNEL_TYPE_DM) return absl::OkStatus();
    if (row.stream.has_thread_id()) {
      HEIM_ASSIGN_OR_RETURN(const v1::Message root,
                            tx.messages.Get(MessageId(row.stream.thread_id())));
      if (root.actor().id() == caller.actor_id.str()) return absl::OkStatus();
    }
    outcome = "stopped_by_admin";
    return AccessChannel(tx, caller, channel, Permission::kStopAnyStream).status();
  }));
  return outcome;
}

void StreamService::AbortStream(CallContext& context, const v1::AbortStreamRequest& request,
                                Reply<v1::AbortStreamResponse> reply) {
  const StreamId id(request.stream_id());
  if (id.empty()) return reply(InvalidField("stream_id", "a value; it is required"));
  auto outcome = AbortOutcome(context.caller, id);
  if (!outcome.ok()) return reply(outcome.status());
  Ending ending;
  ending.state = v1::STREAM_STATE_ABORTED;
  ending.outcome = *std::move(outcome);
  ending.by = context.caller.actor_id;
  if (ending.outcome == "stopped_by_admin") ending.audited = &context;
  End(id, std::move(ending),
      [reply = std::move(reply)](absl::StatusOr<v1::Message> message) mutable {
        if (!message.ok()) return reply(message.status());
        v1::AbortStreamResponse response;
        *response.mutable_message() = *std::move(message);
        reply(std::move(response));
      });
}

void StreamService::StopStream(const StreamId& stream, std::string_view outcome) {
  Ending ending;
  ending.state = v1::STREAM_STATE_ABORTED;
  ending.outcome = std::string(outcome);
  End(stream, std::move(ending), [](const absl::StatusOr<v1::Message>& message) {
    const absl::StatusCode code = message.status().code();
    const bool ended_already =
        code == absl::StatusCode::kFailedPrecondition || code == absl::StatusCode::kNotFound;
    if (message.ok() || ended_already) return;
    LogWarn("a stream could not be stopped", {{"error", message.status()}});
  });
}

void StreamService::StopStreamsIn(const ChannelId& channel, std::string_view outcome) {
  for (const StreamId& stream : deps_.live.ActiveInChannel(channel)) StopStream(stream, outcome);
}

void StreamService::StopStreamsBy(const ActorId& author, std::string_view outcome) {
  for (const StreamId& stream : deps_.live.ActiveBy(author)) StopStream(stream, outcome);
}

void StreamService::StopStreamsOf(const ActorId& author, const ChannelId& channel,
                                  std::string_view outcome) {
  const std::vector<StreamId> here = deps_.live.ActiveInChannel(channel);
  for (const StreamId& stream : deps_.live.ActiveBy(author)) {
    if (std::find(here.begin(), here.end(), stream) != here.end()) StopStream(stream, outcome);
  }
}

}  // namespace heim
