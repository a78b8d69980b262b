#include "server/service/stream_service.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/message_writes.h"

namespace heim {
namespace {

absl::Status Finished() {
  return MakeError(v1::ERROR_REASON_STREAM_FINISHED, "The stream has ended");
}

absl::Status Stopped() {
  return MakeError(v1::ERROR_REASON_STREAM_STOPPED, "The stream was stopped");
}

absl::StatusOr<absl::Duration> IdleTimeout(const v1::StartStreamRequest& request) {
  if (!request.has_idle_timeout()) return kStreamIdleDefault;
  const absl::Duration asked = absl::Seconds(request.idle_timeout().seconds()) +
                               absl::Nanoseconds(request.idle_timeout().nanos());
  if (asked < kStreamIdleMin || asked > kStreamIdleMax) {
    return InvalidField("idle_timeout", "5 s to 1 h");
  }
  return asked;
}

v1::Message StreamingMessage(const CallContext& context, const v1::StartStreamRequest& request,
                             const std::string& message_id, const std::string& stream_id,
                             absl::Time now) {
  v1::Message message;
  message.set_id(message_id);
  message.set_channel_id(request.channel_id());
  *message.mutable_actor() = context.caller.actor;
  message.set_content_type(request.content_type() == v1::CONTENT_TYPE_UNSPECIFIED
                               ? v1::CONTENT_TYPE_MARKDOWN
                               : request.content_type());
  if (request.has_metadata()) *message.mutable_metadata() = request.metadata();
  if (request.has_client_id()) message.set_client_id(request.client_id());
  message.set_stream_id(stream_id);
  message.set_state(v1::MESSAGE_STATE_STREAMING);
  message.set_revision(1);
  *message.mutable_created_at() = ToTimestamp(now);
  return message;
}

v1::Stream StreamOf(const v1::Message& message, absl::Duration idle_timeout) {
  v1::Stream stream;
  stream.set_id(message.stream_id());
  stream.set_message_id(message.id());
  stream.set_channel_id(message.channel_id());
  if (message.has_thread_id()) stream.set_thread_id(message.thread_id());
  stream.set_actor_id(message.actor().id());
  stream.set_state(v1::STREAM_STATE_ACTIVE);
  *stream.mutable_started_at() = message.created_at();
  stream.mutable_idle_timeout()->set_seconds(absl::ToInt64Seconds(idle_timeout));
  stream.set_message_seq(message.seq());
  return stream;
}

struct StartIds {
  std::string message;
  std::string stream;
};

absl::Status Start(WriteTx& tx, const CallContext& context, const v1::StartStreamRequest& request,
                   const StartIds& ids, absl::Duration idle, absl::Time now, v1::Stream* started) {
  const ChannelId channel(request.channel_id());
  HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                        AccessChannel(tx, context.caller, channel, Permission::kPost));
  const ActorId& author = context.caller.actor_id;
  if (request.has_client_id()) {
    HEIM_ASSIGN_OR_RETURN(const auto repeat,
                          tx.messages.FindByClientId(author, request.client_id()));
    if (repeat.has_value()) {
      if (!repeat->has_stream_id() || repeat->channel_id() != channel.str()) {
        return MakeError(v1::ERROR_REASON_IDEMPOTENCY_CONFLICT,
                         "client_id was used with another message");
      }
      HEIM_ASSIGN_OR_RETURN(const StreamRow row, tx.streams.Get(StreamId(repeat->stream_id())));
      *started = row.stream;
      return absl::OkStatus();
    }
  }
  HEIM_ASSIGN_OR_RETURN(const int64_t open, tx.streams.CountActive(author));
  if (open >= kStreamsPerActorMax) {
    return MakeError(v1::ERROR_REASON_TOO_MANY_STREAMS, "The actor has 64 open streams");
  }
  HEIM_RETURN_IF_ERROR(TakeForChannel(context, channel));
  v1::Message message = StreamingMessage(context, request, ids.message, ids.stream, now);
  if (request.has_thread_id()) {
    HEIM_ASSIGN_OR_RETURN(const MessageId root,
                          ThreadRoot(tx, access, MessageId(request.thread_id())));
    message.set_thread_id(root.str());
  }
  const WorkspaceId workspace = access.workspace_id();
  HEIM_ASSIGN_OR_RETURN(const uint64_t seq, tx.channels.NextSeq(channel));
  message.set_seq(seq);
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace));
  HEIM_RETURN_IF_ERROR(tx.messages.Insert(message, workspace, position));
  *started = StreamOf(message, idle);
  HEIM_RETURN_IF_ERROR(tx.streams.Insert({*started, workspace, ""}));

  v1::Event event = MessageEvent({author, now}, message);
  v1::MessageStreamStart& payload = *event.mutable_message_stream_start();
  payload.set_stream_id(started->id());
  payload.set_channel_id(channel.str());
  payload.set_actor_id(author.str());
  if (message.has_thread_id()) payload.set_thread_id(message.thread_id());
  payload.set_message_id(message.id());
  *payload.mutable_message() = std::move(message);
  return tx.Emit(workspace, std::move(event)).status();
}

}  // namespace

StreamService::StreamService(const Dependencies& dependencies) : deps_(dependencies) {
  deps_.live.SetOnIdle([this](const StreamId& stream) {
    Ending ending;
    ending.state = v1::STREAM_STATE_TIMED_OUT;
    ending.outcome = "producer_lost";
    End(stream, std::move(ending), [](const absl::StatusOr<v1::Message>&) {});
  });
}

absl::Status StreamService::Recover() {
  std::vector<StreamRow> rows;
  HEIM_RETURN_IF_ERROR(deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(rows, tx.streams.ListActive());
    return absl::OkStatus();
  }));
  for (StreamRow& row : rows) {
    row.stream.set_next_index(row.stream.durable_index());
    deps_.live.Open(row.workspace_id, row.stream);
  }
  if (!rows.empty()) LogInfo("streams taken up again", {{"count", rows.size()}});
  return absl::OkStatus();
}

void StreamService::StartStream(CallContext& context, const v1::StartStreamRequest& request,
                                Reply<v1::StartStreamResponse> reply) {
  const auto idle = IdleTimeout(request);
  if (!idle.ok()) return reply(idle.status());
  const StartIds ids{deps_.ids.NewId(), deps_.ids.NewId()};
  CommitReply<v1::StartStreamResponse>(
      deps_.store, context, std::move(reply),
      [this, &context, &request, ids, idle = *idle](WriteTx& tx,
                                                    v1::StartStreamResponse* response) {
        return Start(tx, context, request, ids, idle, deps_.clock.Now(),
                     response->mutable_stream());
      },
      [this, &context, ids](const v1::StartStreamResponse& response) {
        if (response.stream().id() != ids.stream) return;  // a repeat: it is open already
        deps_.live.Open(context.caller.workspace_id, response.stream());
      });
}

void StreamService::AppendStream(CallContext& context, const v1::AppendStreamRequest& request,
                                 Reply<v1::AppendStreamResponse> reply) {
  const StreamId id(request.stream_id());
  if (id.empty()) return reply(InvalidField("stream_id", "a value; it is required"));
  if (request.has_actor_id() && request.actor_id() != context.caller.actor_id.str()) {
    return reply(InvalidField("actor_id", "the author of the stream, or nothing"));
  }
  if (IsOfOthers(context.caller, id)) return reply(StreamNotFound());
  if (request.has_channel_id()) {
    const auto place = deps_.live.PlaceOf(id);
    if (place.has_value() && place->channel.str() != request.channel_id()) {
      return reply(InvalidField("channel_id", "the channel of the stream, or nothing"));
    }
  }
  auto answer = deps_.live.Append(context.caller.actor_id, request);
  if (ReasonOf(answer.status()) == v1::ERROR_REASON_STREAM_NOT_FOUND) {
    return reply(WhyEnded(context.caller, id));
  }
  reply(std::move(answer));
}

bool StreamService::IsOfOthers(const Caller& caller, const StreamId& id) {
  const auto place = deps_.live.PlaceOf(id);
  return place.has_value() &&
         (place->author != caller.actor_id || place->workspace != caller.workspace_id);
}

absl::Status StreamService::WhyEnded(const Caller& caller, const StreamId& id) {
  return deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const StreamRow row, tx.streams.Get(id));
    if (row.stream.actor_id() != caller.actor_id.str() || row.workspace_id != caller.workspace_id) {
      return StreamNotFound();
    }
    return row.stream.state() == v1::STREAM_STATE_FINISHED ? Finished() : Stopped();
  });
}

absl::StatusOr<v1::Stream> StreamService::Read(const Caller& caller, const StreamId& id) {
  v1::Stream stream;
  HEIM_RETURN_IF_ERROR(deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const StreamRow row, tx.streams.Get(id));
    const absl::Status access =
        AccessMessage(tx, caller, MessageId(row.stream.message_id()), Permission::kReadChannel)
            .status();
    if (ReasonOf(access) == v1::ERROR_REASON_MESSAGE_NOT_FOUND) return StreamNotFound();
    HEIM_RETURN_IF_ERROR(access);
    stream = row.stream;
    return absl::OkStatus();
  }));
  if (stream.state() == v1::STREAM_STATE_ACTIVE) {
    if (auto live = deps_.live.Snapshot(id); live.has_value()) return *std::move(live);
  }
  return stream;
}

void StreamService::GetStream(CallContext& context, const v1::GetStreamRequest& request,
                              Reply<v1::GetStreamResponse> reply) {
  auto stream = Read(context.caller, StreamId(request.stream_id()));
  if (!stream.ok()) return reply(stream.status());
  v1::GetStreamResponse response;
  *response.mutable_stream() = *std::move(stream);
  reply(std::move(response));
}

}  // namespace heim
