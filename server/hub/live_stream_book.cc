#include "server/hub/live_stream_book.h"

#include <algorithm>
#include <utility>

#include "google/protobuf/util/json_util.h"
#include "server/hub/hub_limits.h"
#include "server/model/errors.h"
#include "server/model/time.h"

namespace heim {
namespace {

absl::Status Ended(v1::StreamState state) {
  if (state == v1::STREAM_STATE_FINISHED) {
    return MakeError(v1::ERROR_REASON_STREAM_FINISHED, "the stream has ended");
  }
  return MakeError(v1::ERROR_REASON_STREAM_STOPPED, "the stream was stopped");
}

// Joins a delta onto the one before when both add to the same part in the same way.
bool Merge(const v1::StreamDelta& next, v1::StreamDelta* last) {
  if (last->part_index() != next.part_index() || last->delta_case() != next.delta_case()) {
    return false;
  }
  switch (next.delta_case()) {
    case v1::StreamDelta::kText:
      last->mutable_text()->append(next.text());
      return true;
    case v1::StreamDelta::kReasoning:
      last->mutable_reasoning()->append(next.reasoning());
      return true;
    case v1::StreamDelta::kToolInput:
      last->mutable_tool_input()->append(next.tool_input());
      return true;
    default:
      return false;
  }
}

// While it streams, a tool call's input is its raw JSON text; at the end it becomes the value that
// the text says, or stays text when it is no JSON.
void ParseToolInputs(v1::Stream* stream) {
  for (v1::Part& part : *stream->mutable_parts()) {
    if (!part.has_tool_call() || !part.tool_call().has_input()) continue;
    google::protobuf::Value* input = part.mutable_tool_call()->mutable_input();
    if (input->kind_case() != google::protobuf::Value::kStringValue) continue;
    google::protobuf::Value parsed;
    if (google::protobuf::util::JsonStringToMessage(input->string_value(), &parsed).ok() &&
        parsed.kind_case() != google::protobuf::Value::KIND_NOT_SET) {
      *input = std::move(parsed);
    }
  }
}

}  // namespace

LiveStreamBook::LiveStreamBook(Store& store, Clock& clock, Timers& timers, Bus& bus)
    : store_(store), clock_(clock), timers_(timers), bus_(bus) {}

LiveStreamBook::~LiveStreamBook() { gate_->Close(); }

LiveStreamBook::LivePtr LiveStreamBook::Find(const StreamId& stream) {
  const auto found = streams_.find(stream.str());
  return found == streams_.end() ? nullptr : found->second;
}

void LiveStreamBook::Open(const WorkspaceId& workspace, const v1::Stream& stream) {
  auto live = std::make_shared<Live>();
  live->workspace = workspace;
  live->head = stream;
  live->head.clear_content();
  live->head.clear_parts();
  live->head.set_state(v1::STREAM_STATE_ACTIVE);
  live->text = StreamText(stream.content(), {stream.parts().begin(), stream.parts().end()});
  live->alive_at = clock_.Monotonic();
  live->idle_timeout = stream.has_idle_timeout()
                           ? absl::Seconds(stream.idle_timeout().seconds()) +
                                 absl::Nanoseconds(stream.idle_timeout().nanos())
                           : kStreamIdleDefault;
  {
    absl::MutexLock lock(&mutex_);
    streams_[stream.id()] = live;
  }
  ArmIdle(live, live->idle_timeout);
}

absl::StatusOr<v1::AppendStreamResponse> LiveStreamBook::Append(
    const ActorId& author, const v1::AppendStreamRequest& request) {
  LivePtr live;
  absl::StatusOr<v1::AppendStreamResponse> response;
  {
    absl::MutexLock lock(&mutex_);
    response = AppendLocked(author, request, &live);
  }
  if (live != nullptr) Settle(live);
  return response;
}

absl::StatusOr<v1::AppendStreamResponse> LiveStreamBook::AppendLocked(
    const ActorId& author, const v1::AppendStreamRequest& request, LivePtr* found) {
  const LivePtr live = Find(StreamId(request.stream_id()));
  if (live == nullptr || live->head.actor_id() != author.str()) return StreamNotFound();
  if (live->head.state() != v1::STREAM_STATE_ACTIVE) return Ended(live->head.state());

  const uint32_t next = live->head.next_index();
  if (request.has_index() && request.index() > next) {
    return ErrorBuilder(v1::ERROR_REASON_STREAM_INDEX_GAP, "the append skips an index")
        .Detail("next_index", next)
        .Build();
  }
  live->alive_at = clock_.Monotonic();
  const bool empty = request.delta().empty() && request.deltas_size() == 0;
  const bool repeated = request.has_index() && request.index() < next;
  if (!empty && !repeated) {
    absl::StatusOr<StreamText::Applied> applied = live->text.Append(request);
    if (!applied.ok()) return applied.status();
    if (!live->pending.any) live->pending.index = next;
    AddPending(*applied, live.get());
    live->head.set_next_index(next + 1);
    live->unsaved_bytes += std::max<size_t>(applied->bytes, 1);
    *found = live;
  }
  v1::AppendStreamResponse response;
  response.set_next_index(live->head.next_index());
  response.set_durable_index(live->head.durable_index());
  return response;
}

void LiveStreamBook::AddPending(const StreamText::Applied& applied, Live* live) {
  Pending& pending = live->pending;
  pending.any = true;
  pending.rewritten |= applied.rewritten;
  pending.bytes += applied.bytes;
  pending.delta += applied.delta;
  for (const v1::StreamDelta& delta : applied.deltas) {
    if (pending.deltas.empty() || !Merge(delta, &pending.deltas.back())) {
      pending.deltas.push_back(delta);
    }
  }
}

v1::Stream LiveStreamBook::StateOf(const Live& live) const {
  v1::Stream stream = live.head;
  stream.set_content(live.text.content());
  stream.mutable_parts()->Assign(live.text.parts().begin(), live.text.parts().end());
  return stream;
}

void LiveStreamBook::Cut(Live* live) {
  if (!live->pending.any) return;
  const Pending pending = std::exchange(live->pending, Pending());
  auto event = std::make_shared<v1::Event>();
  *event->mutable_timestamp() = ToTimestamp(clock_.Now());
  event->set_channel_id(live->head.channel_id());
  event->set_actor_id(live->head.actor_id());
  event->set_message_seq(live->head.message_seq());
  if (pending.rewritten) {
    *event->mutable_message_stream_snapshot()->mutable_stream() = StateOf(*live);
  } else {
    v1::MessageStreamChunk* chunk = event->mutable_message_stream_chunk();
    chunk->set_stream_id(live->head.id());
    chunk->set_message_id(live->head.message_id());
    chunk->set_channel_id(live->head.channel_id());
    chunk->set_actor_id(live->head.actor_id());
    chunk->set_delta(pending.delta);
    chunk->set_index(pending.index);
    chunk->set_next_index(live->head.next_index());
    chunk->mutable_deltas()->Assign(pending.deltas.begin(), pending.deltas.end());
  }
  live->out.push_back(std::move(event));
}

void LiveStreamBook::Publish(const LivePtr& live) {
  absl::MutexLock lock(&mutex_);
  if (live->publishing) return;
  live->publishing = true;
  while (!live->out.empty()) {
    const std::shared_ptr<const v1::Event> event = std::move(live->out.front());
    live->out.pop_front();
    mutex_.Unlock();
    bus_.PublishEphemeral(live->workspace, event);
    mutex_.Lock();
  }
  live->publishing = false;
}

std::optional<LiveStreams::Place> LiveStreamBook::PlaceOf(const StreamId& stream) {
  absl::MutexLock lock(&mutex_);
  const LivePtr live = Find(stream);
  if (live == nullptr || live->head.state() != v1::STREAM_STATE_ACTIVE) return std::nullopt;
  return Place{live->workspace, ChannelId(live->head.channel_id()), ActorId(live->head.actor_id())};
}

std::optional<v1::Stream> LiveStreamBook::Snapshot(const StreamId& stream) {
  LivePtr live;
  v1::Stream state;
  {
    absl::MutexLock lock(&mutex_);
    live = Find(stream);
    if (live == nullptr || live->head.state() != v1::STREAM_STATE_ACTIVE) return std::nullopt;
    // The next chunk then begins where the snapshot ends.
    Cut(live.get());
    state = StateOf(*live);
  }
  Publish(live);
  return state;
}

std::vector<v1::Stream> LiveStreamBook::ActiveIn(const WorkspaceId& workspace) {
  std::vector<LivePtr> active;
  std::vector<v1::Stream> states;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [id, live] : streams_) {
      if (live->workspace != workspace || live->head.state() != v1::STREAM_STATE_ACTIVE) continue;
      Cut(live.get());
      states.push_back(StateOf(*live));
      active.push_back(live);
    }
  }
  for (const LivePtr& live : active) Publish(live);
  return states;
}

absl::StatusOr<v1::Stream> LiveStreamBook::Close(const StreamId& stream, v1::StreamState as) {
  LivePtr live;
  v1::Stream state;
  {
    absl::MutexLock lock(&mutex_);
    live = Find(stream);
    if (live == nullptr) return StreamNotFound();
    if (live->head.state() != v1::STREAM_STATE_ACTIVE) return Ended(live->head.state());
    Cut(live.get());
    live->head.set_state(as);
    state = StateOf(*live);
  }
  Publish(live);
  ParseToolInputs(&state);
  return state;
}

void LiveStreamBook::Reopen(const StreamId& stream) {
  absl::MutexLock lock(&mutex_);
  const LivePtr live = Find(stream);
  if (live == nullptr) return;
  live->head.set_state(v1::STREAM_STATE_ACTIVE);
  live->alive_at = clock_.Monotonic();
}

void LiveStreamBook::Forget(const StreamId& stream) {
  absl::MutexLock lock(&mutex_);
  streams_.erase(stream.str());
}

std::vector<StreamId> LiveStreamBook::ActiveBy(const ActorId& author) {
  std::vector<StreamId> ids;
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, live] : streams_) {
    const bool active = live->head.state() == v1::STREAM_STATE_ACTIVE;
    if (active && live->head.actor_id() == author.str()) ids.emplace_back(id);
  }
  return ids;
}

std::vector<StreamId> LiveStreamBook::ActiveInChannel(const ChannelId& channel) {
  std::vector<StreamId> ids;
  absl::MutexLock lock(&mutex_);
  for (const auto& [id, live] : streams_) {
    const bool active = live->head.state() == v1::STREAM_STATE_ACTIVE;
    if (active && live->head.channel_id() == channel.str()) ids.emplace_back(id);
  }
  return ids;
}

void LiveStreamBook::SetOnIdle(std::function<void(StreamId)> on_idle) {
  absl::MutexLock lock(&mutex_);
  on_idle_ = std::move(on_idle);
}

}  // namespace heim
