#include "server/hub/stream_watcher.h"

#include <utility>

#include "server/hub/fan_out_hub.h"
#include "server/hub/hub_limits.h"

namespace heim {

StreamWatcher::StreamWatcher(FanOutHub& hub, Caller caller, StreamId stream, std::string channel_id,
                             Standing standing)
    : hub_(hub),
      caller_(std::move(caller)),
      stream_(std::move(stream)),
      channel_id_(std::move(channel_id)),
      standing_(standing),
      outbox_(hub.clock(), {kOutboxMaxFrames, kOutboxMaxBytes}, nullptr) {}

FrameSource::State StreamWatcher::Pull(size_t max_bytes, std::vector<FramePtr>* out) {
  const State state = outbox_.Pull(max_bytes, out);
  if (state == State::kEnded) hub_.Release(shared_from_this());
  return state;
}

void StreamWatcher::SetReady(std::function<void()> on_ready) {
  outbox_.SetReady(std::move(on_ready));
}

void StreamWatcher::Cancel() {
  outbox_.Cancel();
  hub_.Release(shared_from_this());
}

bool StreamWatcher::TakeDurable(const HubEvent& event) {
  const v1::Event::PayloadCase payload = event.facts.payload;
  const bool last = payload == v1::Event::kMessageNew || payload == v1::Event::kMessageDeleted;
  if (!last && payload != v1::Event::kMessageStreamEnd) return false;
  // Two frames at most, so they are taken in any case.
  outbox_.PushAnyway(event.frame, Outbox::Item::kDurable);
  if (last) outbox_.Close(nullptr, absl::OkStatus());
  return last;
}

bool StreamWatcher::TakeEphemeral(const HubEvent& event) {
  if (event.facts.kind == EventFacts::Kind::kChunk) {
    if (next_index.has_value() && event.facts.next_index <= *next_index) return true;
    if (!next_index.has_value() || event.facts.index != *next_index) return false;
  }
  next_index.reset();
  if (outbox_.PushEphemeral(event.frame)) next_index = event.facts.next_index;
  return true;
}

}  // namespace heim
