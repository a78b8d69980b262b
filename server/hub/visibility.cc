#include "server/hub/visibility.h"

#include <algorithm>
#include <utility>

namespace heim {
namespace {

using Kind = EventFacts::Kind;

bool InIntervals(const std::vector<MembershipInterval>& intervals, uint64_t position) {
  return std::any_of(intervals.begin(), intervals.end(), [&](const MembershipInterval& interval) {
    return interval.from <= position && (interval.to == 0 || position < interval.to);
  });
}

}  // namespace

Visibility::Visibility(std::string self, ReaderFacts facts, absl::flat_hash_set<std::string> named)
    : self_(std::move(self)), facts_(std::move(facts)), named_(std::move(named)) {}

bool Visibility::MayFollow(const std::string& channel_id) const {
  return !facts_.guest && named_.contains(channel_id) && facts_.open.contains(channel_id);
}

bool Visibility::Hides(const EventFacts& event) const {
  if (event.message_seq == 0) return false;
  // Nearly everybody: a member of all that it hears, with all of its history.
  if (facts_.history_from.empty() && named_.empty()) return false;
  return IsOlderThanHistory(event);
}

bool Visibility::IsOlderThanHistory(const EventFacts& event) const {
  if (event.message_seq == 0) return false;
  if (facts_.member_of.contains(event.channel_id)) {
    const auto found = facts_.history_from.find(event.channel_id);
    return found != facts_.history_from.end() && event.message_seq < found->second;
  }
  const auto found = facts_.open.find(event.channel_id);
  return found == facts_.open.end() || event.message_seq < found->second.from_seq;
}

bool Visibility::Hears(const std::string& channel_id) const {
  return facts_.member_of.contains(channel_id) || MayFollow(channel_id);
}

bool Visibility::HearsWorkspaceEvent(const EventFacts& event) const {
  if (!facts_.guest || event.subject_id == self_ || event.to_actor_id == self_) return true;
  // They may react with them.
  if (event.payload == v1::Event::kEmojiAdded || event.payload == v1::Event::kEmojiRemoved) {
    return true;
  }
  return event.kind == Kind::kActorChanged && facts_.peers.contains(event.subject_id);
}

// Another member of one of a guest's channels comes or goes.
void Visibility::CountPeer(const EventFacts& event) {
  if (!facts_.member_of.contains(event.channel_id)) return;
  if (event.kind == Kind::kMemberAdded) ++facts_.peers[event.subject_id];
  if (event.kind != Kind::kMemberRemoved) return;
  const auto found = facts_.peers.find(event.subject_id);
  if (found != facts_.peers.end() && --found->second <= 0) facts_.peers.erase(found);
}

// What tells the whole workspace of a channel.
bool Visibility::IsAnnouncement(const EventFacts& event) const {
  const bool of_channel =
      event.kind == Kind::kChannelCreated || event.kind == Kind::kChannelChanged;
  if (!of_channel) return false;
  if (event.kind == Kind::kChannelCreated && event.author_id == self_) return true;
  return event.channel_type == v1::CHANNEL_TYPE_PUBLIC && !facts_.guest;
}

// The members lost their membership at that very position.
bool Visibility::ReplaysDeleted(const EventFacts& event) const {
  if (event.channel_type == v1::CHANNEL_TYPE_PUBLIC && !facts_.guest) return true;
  const auto found = facts_.intervals.find(event.channel_id);
  if (found == facts_.intervals.end()) return false;
  return std::any_of(
      found->second.begin(), found->second.end(),
      [&](const MembershipInterval& interval) { return interval.to == event.position; });
}

bool Visibility::Replays(const EventFacts& event) const {
  const bool mine = event.subject_id == self_;
  if (event.kind == Kind::kMemberRemoved && mine) return true;
  if (!event.to_actor_id.empty() && event.to_actor_id != self_) return false;
  if (event.channel_id.empty()) return HearsWorkspaceEvent(event);
  if (event.kind == Kind::kChannelDeleted) return ReplaysDeleted(event);

  const bool is_public = !facts_.guest && facts_.public_channels.contains(event.channel_id);
  if (!is_public && !facts_.member_of.contains(event.channel_id)) return false;
  if (IsAnnouncement(event)) return true;
  if (IsOlderThanHistory(event)) return false;
  if (MayFollow(event.channel_id) &&
      event.position >= facts_.open.at(event.channel_id).from_position) {
    return true;
  }
  const auto found = facts_.intervals.find(event.channel_id);
  return found != facts_.intervals.end() && InIntervals(found->second, event.position);
}

// Who may read without membership changes with the channel.
void Visibility::ApplyChannel(const EventFacts& event, Effect* effect) {
  const bool named = named_.contains(event.channel_id);
  if (event.kind == Kind::kChannelDeleted || event.channel_type != v1::CHANNEL_TYPE_PUBLIC) {
    facts_.public_channels.erase(event.channel_id);
  } else if (named) {
    facts_.public_channels.insert(event.channel_id);
  }
  if (event.kind == Kind::kChannelDeleted || !event.open) {
    facts_.open.erase(event.channel_id);
  } else if (named && event.kind == Kind::kChannelCreated) {
    facts_.open[event.channel_id] = {};
  } else if (named && !facts_.open.contains(event.channel_id)) {
    effect->stale = true;  // from where on, the event does not say
  }
  effect->channel_changed = named;
}

// What happens to the reader itself; true when nothing else counts.
bool Visibility::ApplyOwn(const EventFacts& event, Effect* effect) {
  if (event.kind == Kind::kMemberRemoved) {
    facts_.member_of.erase(event.channel_id);
    facts_.history_from.erase(event.channel_id);
    effect->deliver = effect->channel_changed = true;
    effect->stale = facts_.guest;
    return true;
  }
  if (event.kind == Kind::kMemberAdded) {
    facts_.member_of.insert(event.channel_id);
    facts_.history_from.erase(event.channel_id);
    if (event.history_from_seq > 0) facts_.history_from[event.channel_id] = event.history_from_seq;
    effect->channel_changed = true;
    effect->stale = facts_.guest;
  }
  if (event.kind == Kind::kRoleChanged) {
    const bool guest = event.workspace_role == v1::WORKSPACE_ROLE_GUEST;
    effect->channel_changed = guest != facts_.guest;
    effect->stale = guest && !facts_.guest;
    facts_.guest = guest;
  }
  effect->ended = event.kind == Kind::kWorkspaceLeft || event.deactivated;
  return false;
}

Visibility::Effect Visibility::Apply(const EventFacts& event) {
  Effect effect;
  const bool mine = !event.subject_id.empty() && event.subject_id == self_;
  if (event.kind == Kind::kChannelDeleted) {
    const bool member = facts_.member_of.erase(event.channel_id) > 0;
    facts_.history_from.erase(event.channel_id);
    ApplyChannel(event, &effect);
    effect.channel_changed |= member;
    effect.stale = facts_.guest && member;
    effect.deliver = member || (event.channel_type == v1::CHANNEL_TYPE_PUBLIC && !facts_.guest);
    return effect;
  }
  if (event.kind == Kind::kChannelCreated || event.kind == Kind::kChannelChanged) {
    ApplyChannel(event, &effect);
  }
  if (facts_.guest && !mine) CountPeer(event);
  if (mine && ApplyOwn(event, &effect)) return effect;
  if (!event.to_actor_id.empty() && event.to_actor_id != self_) return effect;
  if (event.channel_id.empty()) {
    effect.deliver = HearsWorkspaceEvent(event);
  } else {
    effect.deliver = IsAnnouncement(event) || (Hears(event.channel_id) && !Hides(event));
  }
  return effect;
}

std::vector<std::string> Visibility::Channels() const {
  std::vector<std::string> channels(facts_.member_of.begin(), facts_.member_of.end());
  for (const std::string& channel : named_) {
    if (!facts_.member_of.contains(channel) && MayFollow(channel)) channels.push_back(channel);
  }
  return channels;
}

}  // namespace heim
