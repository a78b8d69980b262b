// The part of FanOutHub that finds the audience of released events. An index leads from a channel
// or actor to the readers that may care, so that the cost is the audience; a reader's Visibility
// has the last word on everything that changes what is visible.
#include <algorithm>
#include <utility>

#include "server/hub/control_frames.h"
#include "server/hub/fan_out_hub.h"
#include "server/hub/hub_limits.h"
#include "server/model/errors.h"
#include "server/model/page.h"

namespace heim {

void FanOutHub::Touch(HubSubscription* reader) {
  if (std::exchange(reader->membership.touched, true)) return;
  touched_.push_back(reader->shared_from_this());
}

// Neighbours with the same audience go out in one step; order by position is kept.
void FanOutHub::Deliver(Fan* fan, const std::vector<HubEventPtr>& events) {
  size_t i = 0;
  while (i < events.size()) {
    const EventFacts& first = events[i]->facts;
    size_t end = i + 1;
    if (IsPlain(first)) {
      while (end < events.size() && IsPlain(events[end]->facts) &&
             events[end]->facts.channel_id == first.channel_id) {
        ++end;
      }
      DeliverRun(fan, absl::MakeConstSpan(events).subspan(i, end - i));
    } else {
      DeliverSpecial(fan, events[i]);
    }
    for (; i < end; ++i) DeliverToWatchers(fan, events[i]);
  }
}

void FanOutHub::DeliverRun(Fan* fan, absl::Span<const HubEventPtr> run) {
  for (const HubEventPtr& event : run) {
    if (event->facts.payload == v1::Event::kMessageStreamEnd) NoteEnded(event->facts);
  }
  const auto found = fan->by_channel.find(run.front()->facts.channel_id);
  if (found == fan->by_channel.end()) return;
  // A copy: a reader that overflows leaves the index.
  const std::vector<HubSubscription*> readers(found->second.begin(), found->second.end());
  for (HubSubscription* reader : readers) PushRun(fan, reader, run);
}

void FanOutHub::PushRun(Fan* fan, HubSubscription* reader, absl::Span<const HubEventPtr> run) {
  std::vector<FramePtr> frames;
  frames.reserve(run.size());
  for (const HubEventPtr& event : run) {
    if (event->facts.position <= reader->reader.position) continue;
    if (reader->reader.view.Hides(event->facts)) continue;
    NoteStream(reader, event->facts);
    if (reader->reader.filter.WantsType(event->facts.payload)) frames.push_back(event->frame);
  }
  if (frames.empty()) return;
  if (!reader->outbox().PushDurable(frames)) {
    return Demote(fan, reader, run.front()->facts.position - 1);
  }
  reader->membership.wants_cursor = true;
  Touch(reader);
}

void FanOutHub::NoteStream(HubSubscription* reader, const EventFacts& facts) {
  if (facts.payload == v1::Event::kMessageStreamStart) reader->reader.streams[facts.stream_id] = 0;
  if (facts.payload == v1::Event::kMessageStreamEnd) reader->reader.streams.erase(facts.stream_id);
}

void FanOutHub::DeliverSpecial(Fan* fan, const HubEventPtr& event) {
  const EventFacts& facts = event->facts;
  std::vector<HubSubscription*> readers;
  const uint64_t visit = ++visit_;
  const auto add = [&](const Readers& some) {
    for (HubSubscription* reader : some) {
      if (std::exchange(reader->membership.visited, visit) != visit) readers.push_back(reader);
    }
  };
  const auto add_from = [&](const absl::flat_hash_map<std::string, Readers>& index,
                            const std::string& key) {
    const auto found = key.empty() ? index.end() : index.find(key);
    if (found != index.end()) add(found->second);
  };
  const bool of_channel = facts.kind == EventFacts::Kind::kChannelCreated ||
                          facts.kind == EventFacts::Kind::kChannelChanged ||
                          facts.kind == EventFacts::Kind::kChannelDeleted;
  if (!facts.to_actor_id.empty()) {
    add_from(fan->by_actor, facts.to_actor_id);
  } else if (facts.channel_id.empty() || of_channel) {
    add(fan->live);
  } else {
    add_from(fan->by_channel, facts.channel_id);
    add_from(fan->by_actor, facts.subject_id);
    if (!facts.subject_id.empty()) add(fan->guests);
  }
  for (HubSubscription* reader : readers) DeliverTo(fan, reader, event);
  EndWatchersOf(fan, facts);
}

void FanOutHub::DeliverTo(Fan* fan, HubSubscription* reader, const HubEventPtr& event) {
  const EventFacts& facts = event->facts;
  if (facts.position <= reader->reader.position) return;
  const SubscriptionPtr subscription = reader->shared_from_this();
  const Visibility::Effect effect = reader->reader.view.Apply(facts);
  if (effect.channel_changed) Reindex(fan, reader, facts);
  if (effect.deliver && reader->reader.filter.Wants(facts)) {
    if (!reader->outbox().PushDurable({event->frame})) {
      return Demote(fan, reader, facts.position - 1);
    }
    reader->membership.wants_cursor = true;
    Touch(reader);
  }
  if (effect.ended) {
    return Finish(
        subscription, "lost_access",
        MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "no longer a member of the workspace"));
  }
  if (!effect.stale) return;
  Unindex(fan, reader);
  reader->reader.position = facts.position;
  StartCatchUp(subscription);
}

void FanOutHub::Demote(Fan* fan, HubSubscription* reader, uint64_t considered) {
  const SubscriptionPtr subscription = reader->shared_from_this();
  Unindex(fan, reader);
  HubSubscription::Reader& state = reader->reader;
  const Outbox::Thrown thrown = reader->outbox().ThrowAway();
  state.position = std::max(state.position, considered);
  if (thrown.first.has_value()) state.position = *thrown.first - 1;
  state.says_caught_up |= thrown.caught_up;
  state.streams.clear();
  state.demoted = true;
  state.demoted_at = deps_.clock.Monotonic();
  state.lagging_said_at = absl::ZeroDuration();
  if (reader->outbox().IdleOrArm()) StartCatchUp(subscription);
}

void FanOutHub::Index(Fan* fan, HubSubscription* reader) {
  reader->membership.live = true;
  fan->live.insert(reader);
  if (!reader->reader.view.HearsWorkspace()) fan->guests.insert(reader);
  fan->by_actor[reader->actor()].insert(reader);
  for (std::string& channel : reader->reader.view.Channels()) {
    if (!reader->reader.filter.WantsChannel(channel)) continue;
    fan->by_channel[channel].insert(reader);
    reader->membership.channels.push_back(std::move(channel));
  }
}

void FanOutHub::Unindex(Fan* fan, HubSubscription* reader) {
  const auto remove = [reader](absl::flat_hash_map<std::string, Readers>* index,
                               const std::string& key) {
    const auto found = index->find(key);
    if (found == index->end()) return;
    found->second.erase(reader);
    if (found->second.empty()) index->erase(found);
  };
  reader->membership.live = false;
  fan->live.erase(reader);
  fan->guests.erase(reader);
  remove(&fan->by_actor, reader->actor());
  for (const std::string& channel : reader->membership.channels) {
    remove(&fan->by_channel, channel);
  }
  reader->membership.channels.clear();
}

// A reader's own events are rare, and a role may change all of its channels.
void FanOutHub::Reindex(Fan* fan, HubSubscription* reader, const EventFacts& facts) {
  if (facts.kind == EventFacts::Kind::kRoleChanged) {
    Unindex(fan, reader);
    return Index(fan, reader);
  }
  const std::string& channel = facts.channel_id;
  std::vector<std::string>& channels = reader->membership.channels;
  const auto at = std::find(channels.begin(), channels.end(), channel);
  const bool heard =
      reader->reader.view.Hears(channel) && reader->reader.filter.WantsChannel(channel);
  if (heard && at == channels.end()) {
    fan->by_channel[channel].insert(reader);
    channels.push_back(channel);
  } else if (!heard && at != channels.end()) {
    channels.erase(at);
    const auto found = fan->by_channel.find(channel);
    if (found == fan->by_channel.end()) return;
    found->second.erase(reader);
    if (found->second.empty()) fan->by_channel.erase(found);
  }
}

// A reader that has read up to a snapshot of the store goes live.
void FanOutHub::Join(const SubscriptionPtr& subscription) {
  HubSubscription* reader = subscription.get();
  if (subscription->outbox().closed() || !subscriptions_.contains(reader)) return;
  Fan& fan = FanOf(subscription->workspace());
  const Bridged bridged = subscription->HasChanges() ? Bridged::kTooFar : Bridge(&fan, reader);
  if (bridged == Bridged::kTooFar) StartCatchUp(subscription);
  if (bridged != Bridged::kLive) return;
  HubSubscription::Reader& state = reader->reader;
  state.demoted = false;
  Index(&fan, reader);
  if (std::exchange(state.says_caught_up, false)) {
    const bool silent = subscription->options().only_presence;
    const std::string cursor = LogCursor{fan.epoch, state.position}.Format();
    reader->outbox().PushAnyway(CaughtUpFrame(silent ? "" : cursor), Outbox::Item::kCaughtUp);
  }
  OfferActiveStreams(&fan, reader);
  Touch(reader);
}

// Gives the reader what was released since its snapshot.
FanOutHub::Bridged FanOutHub::Bridge(Fan* fan, HubSubscription* reader) {
  HubSubscription::Reader& state = reader->reader;
  if (state.position >= fan->released) return Bridged::kLive;
  if (fan->released - state.position > kJoinMaxEvents) return Bridged::kTooFar;
  const auto events = ring_.Read(
      fan->workspace, {state.position, fan->released, kJoinMaxEvents, kOutboxMaxBytes / 2});
  if (!events.has_value()) return Bridged::kTooFar;
  for (const HubEventPtr& event : *events) {
    if (!reader->outbox().RoomOrArm()) {
      Touch(reader);
      return Bridged::kWaits;
    }
    const Visibility::Effect effect = state.view.Apply(event->facts);
    state.position = event->facts.position;
    if (effect.deliver && state.filter.Wants(event->facts)) {
      reader->outbox().PushAnyway(event->frame, Outbox::Item::kDurable);
      reader->membership.wants_cursor = true;
      Touch(reader);
    }
    if (effect.ended) {
      Finish(reader->shared_from_this(), "lost_access",
             MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "no longer a member of the workspace"));
      return Bridged::kWaits;
    }
    if (effect.stale) return Bridged::kTooFar;
  }
  return state.position >= fan->released ? Bridged::kLive : Bridged::kTooFar;
}

void FanOutHub::DeliverToWatchers(Fan* fan, const HubEventPtr& event) {
  if (fan->watchers.empty() || event->facts.stream_id.empty()) return;
  const auto found = fan->watchers.find(event->facts.stream_id);
  if (found == fan->watchers.end()) return;
  const std::vector<WatcherPtr> watchers = found->second;
  for (const WatcherPtr& watcher : watchers) {
    if (watcher->TakeDurable(*event)) RemoveWatcher(watcher);
    if (!std::exchange(watcher->touched, true)) touched_watchers_.push_back(watcher);
  }
}

void FanOutHub::EndWatchersOf(Fan* fan, const EventFacts& facts) {
  const bool left_channel = facts.kind == EventFacts::Kind::kMemberRemoved;
  const bool left = facts.kind == EventFacts::Kind::kWorkspaceLeft || facts.deactivated;
  const bool deleted = facts.kind == EventFacts::Kind::kChannelDeleted;
  const bool closed = facts.kind == EventFacts::Kind::kChannelChanged && !facts.open;
  if (!left_channel && !left && !deleted && !closed) return;
  const auto loses = [&](const StreamWatcher& watcher) {
    const bool here = watcher.channel_id() == facts.channel_id;
    if (deleted || closed) return here && (deleted || watcher.follows());
    return watcher.caller().actor_id.str() == facts.subject_id && (left || here);
  };
  std::vector<WatcherPtr> ending;
  for (const auto& [stream, watchers] : fan->watchers) {
    for (const WatcherPtr& watcher : watchers) {
      if (loses(*watcher)) ending.push_back(watcher);
    }
  }
  for (const WatcherPtr& watcher : ending) {
    RemoveWatcher(watcher);
    watcher->outbox().Close(
        GoodbyeFrame("lost_access", -1),
        MakeError(v1::ERROR_REASON_STREAM_NOT_FOUND, "the reader has lost access to the stream"));
  }
}

}  // namespace heim
