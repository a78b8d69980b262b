// The part of FanOutHub that carries what is not in the log: typing, presence, chunks. Dropped
// first under load; a reader that lost a chunk gets a snapshot of the stream instead.
#include <utility>

#include "server/hub/fan_out_hub.h"
#include "server/hub/hub_limits.h"
#include "server/model/errors.h"
#include "server/model/time.h"

namespace heim {
namespace {

HubEventPtr EphemeralEvent(const v1::Event& event) {
  auto made = std::make_shared<HubEvent>();
  made->facts = FactsOf(event);
  made->frame = MakeEventFrame(event, "");
  return made;
}

}  // namespace

void FanOutHub::DeliverEphemeral(const Ephemeral& ephemeral) {
  Fan* fan = FindFan(ephemeral.workspace);
  if (fan == nullptr) return;
  const HubEventPtr event = EphemeralEvent(*ephemeral.event);
  const EventFacts& facts = event->facts;
  if (facts.payload == v1::Event::kTyping && !TypingIsNews(facts)) return;
  if (!facts.stream_id.empty()) {
    // Overtaken by the end of its stream.
    if (ended_streams_.contains(facts.stream_id)) return;
    const auto found = fan->watchers.find(facts.stream_id);
    if (found != fan->watchers.end()) {
      for (const WatcherPtr& watcher : found->second) {
        if (!watcher->TakeEphemeral(*event)) {
          const HubEventPtr snapshot = SnapshotOf(facts.stream_id, facts.next_index);
          if (snapshot != nullptr) watcher->TakeEphemeral(*snapshot);
        }
        if (!std::exchange(watcher->touched, true)) touched_watchers_.push_back(watcher);
      }
    }
  }
  if (facts.channel_id.empty()) {
    for (HubSubscription* reader : fan->live) {
      if (!reader->reader.view.HearsActor(facts.author_id)) continue;
      if (reader->reader.filter.Wants(facts)) OfferEphemeral(reader, *event);
    }
    return;
  }
  const auto found = fan->by_channel.find(facts.channel_id);
  if (found == fan->by_channel.end()) return;
  for (HubSubscription* reader : found->second) {
    if (facts.payload == v1::Event::kTyping && facts.author_id == reader->actor()) continue;
    if (reader->reader.view.Hides(facts)) continue;
    if (reader->reader.filter.WantsType(facts.payload)) OfferEphemeral(reader, *event);
  }
}

bool FanOutHub::TypingIsNews(const EventFacts& facts) {
  const absl::Duration now = deps_.clock.Monotonic();
  const auto [said, first] = typing_.try_emplace(facts.author_id + "/" + facts.channel_id, now);
  if (first) return true;
  if (now - said->second < kTypingInterval) return false;
  said->second = now;
  return true;
}

void FanOutHub::OfferEphemeral(HubSubscription* reader, const HubEvent& event) {
  switch (event.facts.kind) {
    case EventFacts::Kind::kChunk:
      return OfferChunk(reader, event);
    case EventFacts::Kind::kSnapshot:
      return OfferSnapshot(reader, event);
    default:
      if (reader->outbox().PushEphemeral(event.frame)) Touch(reader);
  }
}

void FanOutHub::OfferChunk(HubSubscription* reader, const HubEvent& event) {
  auto& streams = reader->reader.streams;
  const auto known = streams.find(event.facts.stream_id);
  if (known != streams.end()) {
    if (event.facts.next_index <= known->second) return;
    if (event.facts.index == known->second) {
      if (reader->outbox().PushEphemeral(event.frame)) {
        known->second = event.facts.next_index;
        Touch(reader);
      } else {
        streams.erase(known);
      }
      return;
    }
  }
  const HubEventPtr snapshot = SnapshotOf(event.facts.stream_id, event.facts.next_index);
  if (snapshot != nullptr) OfferSnapshot(reader, *snapshot);
}

void FanOutHub::OfferSnapshot(HubSubscription* reader, const HubEvent& event) {
  if (!reader->reader.filter.WantsType(event.facts.payload)) return;
  if (reader->outbox().PushEphemeral(event.frame)) {
    reader->reader.streams[event.facts.stream_id] = event.facts.next_index;
    Touch(reader);
  } else {
    reader->reader.streams.erase(event.facts.stream_id);
  }
}

namespace {

v1::Event SnapshotEvent(absl::Time now, v1::Stream stream) {
  v1::Event event;
  *event.mutable_timestamp() = ToTimestamp(now);
  event.set_channel_id(stream.channel_id());
  event.set_actor_id(stream.actor_id());
  event.set_message_seq(stream.message_seq());
  *event.mutable_message_stream_snapshot()->mutable_stream() = std::move(stream);
  return event;
}

}  // namespace

// Made once a batch, unless a later chunk of the batch is not in it.
HubEventPtr FanOutHub::SnapshotOf(const std::string& stream_id, uint32_t at_least) {
  HubEventPtr& made = snapshots_[stream_id];
  if (made != nullptr && made->facts.next_index >= at_least) return made;
  std::optional<v1::Stream> stream = deps_.streams.Snapshot(StreamId(stream_id));
  if (!stream.has_value()) return nullptr;
  made = EphemeralEvent(SnapshotEvent(deps_.clock.Now(), *std::move(stream)));
  return made;
}

void FanOutHub::OfferActiveStreams(Fan* fan, HubSubscription* reader) {
  if (!reader->reader.filter.WantsType(v1::Event::kMessageStreamSnapshot)) return;
  const auto [found, first] = actives_.try_emplace(fan->workspace.str());
  if (first) {
    for (v1::Stream& stream : deps_.streams.ActiveIn(fan->workspace)) {
      found->second.push_back(EphemeralEvent(SnapshotEvent(deps_.clock.Now(), std::move(stream))));
    }
  }
  for (const HubEventPtr& snapshot : found->second) {
    const EventFacts& facts = snapshot->facts;
    if (ended_streams_.contains(facts.stream_id)) continue;
    const bool heard = reader->reader.view.Hears(facts.channel_id) &&
                       !reader->reader.view.Hides(facts) &&
                       reader->reader.filter.WantsChannel(facts.channel_id);
    if (heard) OfferSnapshot(reader, *snapshot);
  }
}

void FanOutHub::NoteEnded(const EventFacts& facts) {
  if (!ended_streams_.emplace(facts.stream_id, facts.position).second) return;
  ended_order_.push_back(facts.stream_id);
  if (ended_order_.size() <= kEndedStreamsKept) return;
  ended_streams_.erase(ended_order_.front());
  ended_order_.pop_front();
}

void FanOutHub::AddWatcher(const WatcherPtr& watcher) {
  Fan& fan = FanOf(watcher->caller().workspace_id);
  const std::string& stream = watcher->stream().str();
  fan.watchers[stream].push_back(watcher);
  if (!std::exchange(watcher->touched, true)) touched_watchers_.push_back(watcher);

  const auto ended = ended_streams_.find(stream);
  if (ended == ended_streams_.end()) {
    const HubEventPtr snapshot = SnapshotOf(stream, 0);
    // Without one it is just ending: the end and the message are on their way.
    if (snapshot != nullptr) watcher->TakeEphemeral(*snapshot);
    return;
  }
  const auto events =
      ring_.Read(fan.workspace, {ended->second - 1, fan.released, kJoinMaxEvents, kOutboxMaxBytes});
  if (events.has_value()) {
    for (const HubEventPtr& event : *events) DeliverToWatchers(&fan, event);
  }
  RemoveWatcher(watcher);
  watcher->outbox().Close(nullptr,
                          MakeError(v1::ERROR_REASON_STREAM_NOT_FOUND, "the stream is not active"));
}

}  // namespace heim
