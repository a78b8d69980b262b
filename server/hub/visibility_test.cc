// The law of who hears what, as a property over random worlds: an oracle that looks at the whole
// history says what a reader may hear; live delivery must hear just that, and replay from any
// cursor must hear the same minus the channels that the reader cannot read any more.
#include "server/hub/visibility.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/base/entropy.h"

namespace heim {
namespace {

constexpr char kMe[] = "me";

// State of a channel after some event.
struct ChannelState {
  bool exists = false;
  bool gone = false;
  v1::ChannelType type = v1::CHANNEL_TYPE_UNSPECIFIED;
  bool since_joining = false;
  uint64_t last_seq = 0;
  ReaderFacts::Open open_from;
  uint64_t my_history_from = 0;
  std::set<std::string> members;

  bool open() const { return type == v1::CHANNEL_TYPE_PUBLIC && !since_joining; }
};

struct Moment {
  EventFacts facts;
  std::map<std::string, ChannelState> channels;  // after it
};

struct WorldOptions {
  bool guest = false;
  std::set<std::string> named;
};

class World {
 public:
  World(uint64_t seed, WorldOptions options) : entropy_(seed), options_(std::move(options)) {
    while (history_.size() < 120) Step();
  }

  const std::vector<Moment>& history() const { return history_; }
  uint64_t head() const { return history_.size(); }
  const Moment& at(uint64_t position) const { return history_[position - 1]; }

  // What the store would say when the log's head is at `position`.
  ReaderFacts FactsAt(uint64_t position) const {
    ReaderFacts facts;
    facts.position = position;
    facts.guest = options_.guest;
    std::map<std::string, std::vector<MembershipInterval>> intervals;
    for (uint64_t p = 1; p <= position; ++p) {
      const EventFacts& event = at(p).facts;
      auto& own = intervals[event.channel_id];
      const bool lasts = !own.empty() && own.back().to == 0;
      if (event.kind == EventFacts::Kind::kChannelDeleted && lasts) own.back().to = p;
      if (event.subject_id != kMe) continue;
      if (event.kind == EventFacts::Kind::kMemberAdded) {
        own.push_back({ChannelId(event.channel_id), p, 0});
      } else if (event.kind == EventFacts::Kind::kMemberRemoved) {
        own.back().to = p;
      }
    }
    for (auto& [channel, own] : intervals) facts.intervals[channel] = own;
    if (position == 0) return facts;
    for (const auto& [id, channel] : at(position).channels) {
      if (channel.members.count(kMe) > 0) facts.member_of.insert(id);
      if (channel.type == v1::CHANNEL_TYPE_PUBLIC) facts.public_channels.insert(id);
      if (channel.open()) facts.open[id] = channel.open_from;
      if (channel.members.count(kMe) > 0 && channel.my_history_from > 0) {
        facts.history_from[id] = channel.my_history_from;
      }
      if (!options_.guest || channel.members.count(kMe) == 0) continue;
      for (const std::string& member : channel.members) {
        if (member != kMe) ++facts.peers[member];
      }
    }
    return facts;
  }

  bool Readable(const std::string& channel, uint64_t position) const {
    const ChannelState& state = at(position).channels.at(channel);
    if (state.members.count(kMe) > 0) return true;
    return state.type == v1::CHANNEL_TYPE_PUBLIC && !options_.guest;
  }

  bool Share(const std::string& actor, uint64_t position) const {
    if (position == 0) return false;
    for (const auto& [id, channel] : at(position).channels) {
      if (channel.members.count(kMe) > 0 && channel.members.count(actor) > 0) return true;
    }
    return false;
  }

  // Whether the event is followed by name when the log's head is at `head`.
  bool FollowedAt(uint64_t position, uint64_t head) const {
    const EventFacts& event = at(position).facts;
    const ChannelState& state = at(head).channels.at(event.channel_id);
    return options_.named.count(event.channel_id) > 0 && !options_.guest && state.open() &&
           position >= state.open_from.from_position;
  }

  // Whether the event is about a message that the reader may not read at `head`.
  bool HiddenAt(const EventFacts& event, uint64_t head) const {
    if (event.message_seq == 0) return false;
    const ChannelState& state = at(head).channels.at(event.channel_id);
    if (state.members.count(kMe) > 0) return event.message_seq < state.my_history_from;
    return !state.open() || event.message_seq < state.open_from.from_seq;
  }

  // Heard neither as a member nor as an announcement.
  bool OnlyFollowed(uint64_t position) const {
    const EventFacts& event = at(position).facts;
    if (event.channel_id.empty()) return false;
    const bool created = event.kind == EventFacts::Kind::kChannelCreated;
    const bool meta = created || event.kind == EventFacts::Kind::kChannelChanged;
    if (meta && event.channel_type == v1::CHANNEL_TYPE_PUBLIC) return false;
    if (created && event.author_id == kMe) return false;
    return at(position).channels.at(event.channel_id).members.count(kMe) == 0;
  }

  // Whether the reader hears the event when it happens.
  bool Oracle(uint64_t position) const {
    const EventFacts& event = at(position).facts;
    return Concerns(position) && (event.channel_id.empty() || !HiddenAt(event, position));
  }

  // The same wherever history begins.
  bool Concerns(uint64_t position) const {
    const EventFacts& event = at(position).facts;
    const bool mine = event.subject_id == kMe;
    if (event.kind == EventFacts::Kind::kMemberRemoved && mine) return true;
    if (!event.to_actor_id.empty() && event.to_actor_id != kMe) return false;
    if (event.channel_id.empty()) {
      return !options_.guest || mine || !event.to_actor_id.empty() ||
             Share(event.subject_id, position);
    }
    if (event.kind == EventFacts::Kind::kChannelDeleted)
      return Readable(event.channel_id, position - 1);
    const ChannelState& state = at(position).channels.at(event.channel_id);
    if (state.members.count(kMe) > 0) return true;
    const bool is_public = state.type == v1::CHANNEL_TYPE_PUBLIC && !options_.guest;
    const bool is_named = options_.named.count(event.channel_id) > 0;
    if (is_public && state.open() && is_named) return true;
    const bool meta = event.kind == EventFacts::Kind::kChannelCreated ||
                      event.kind == EventFacts::Kind::kChannelChanged;
    if (event.kind == EventFacts::Kind::kChannelCreated && event.author_id == kMe) return true;
    return meta && is_public;
  }

  std::string Describe(uint64_t position) const {
    const EventFacts& event = at(position).facts;
    return "position " + std::to_string(position) + " kind " +
           std::to_string(static_cast<int>(event.kind)) + " channel " + event.channel_id +
           " subject " + event.subject_id;
  }

 private:
  std::string AnyActor() { return std::vector<std::string>{kMe, "ann", "bob"}[Below(3)]; }
  uint64_t Below(uint64_t bound) { return RandomBelow(entropy_, bound); }

  void Emit(EventFacts facts) {
    facts.position = history_.size() + 1;
    history_.push_back({std::move(facts), now_});
  }

  void Step() {
    const std::string id = "c" + std::to_string(Below(4));
    ChannelState& channel = now_[id];
    EventFacts event;
    event.channel_id = id;
    event.author_id = AnyActor();
    if (channel.gone) return;
    if (!channel.exists) return Create(id, &channel);
    if (id == "c3" && Below(20) == 0) return Purge(&channel, event);
    switch (Below(9)) {
      case 0:
        return Join(&channel, event);
      case 1:
        return Leave(&channel, event);
      case 2:
        return Change(&channel, event);
      case 3:
        event.to_actor_id = AnyActor();
        return Emit(event);
      case 4:
        event.channel_id.clear();
        event.kind = EventFacts::Kind::kActorChanged;
        event.subject_id = AnyActor();
        return Emit(event);
      case 5:
        event.channel_id.clear();
        event.to_actor_id = AnyActor();
        return Emit(event);
      default:
        if (Below(3) > 0) {  // new messages and what becomes of older ones
          event.message_seq = 1 + Below(channel.last_seq + 2);
          channel.last_seq = std::max(channel.last_seq, event.message_seq);
        }
        return Emit(event);
    }
  }

  void Purge(ChannelState* channel, EventFacts event) {
    event.kind = EventFacts::Kind::kChannelDeleted;
    event.channel_type = channel->type;
    *channel = {};
    channel->gone = true;
    Emit(event);
  }

  void Create(const std::string& id, ChannelState* channel) {
    EventFacts event;
    event.kind = EventFacts::Kind::kChannelCreated;
    event.channel_id = id;
    event.author_id = AnyActor();
    channel->exists = true;
    channel->type = Below(2) == 0 ? v1::CHANNEL_TYPE_PUBLIC : v1::CHANNEL_TYPE_PRIVATE;
    channel->since_joining = Below(3) == 0;
    event.channel_type = channel->type;
    event.open = channel->open();
    Emit(event);
    EventFacts joined;
    joined.channel_id = id;
    joined.subject_id = event.author_id;
    joined.kind = EventFacts::Kind::kMemberAdded;
    joined.channel_type = channel->type;
    channel->members.insert(event.author_id);
    Emit(joined);
  }

  void Join(ChannelState* channel, EventFacts event) {
    event.kind = EventFacts::Kind::kMemberAdded;
    event.subject_id = AnyActor();
    event.channel_type = channel->type;
    event.history_from_seq =
        channel->since_joining ? channel->last_seq + 1 : channel->open_from.from_seq;
    if (!channel->members.insert(event.subject_id).second) return;
    if (event.subject_id == kMe) channel->my_history_from = event.history_from_seq;
    Emit(event);
  }

  void Leave(ChannelState* channel, EventFacts event) {
    event.kind = EventFacts::Kind::kMemberRemoved;
    event.subject_id = AnyActor();
    if (channel->members.erase(event.subject_id) > 0) Emit(event);
  }

  void Change(ChannelState* channel, EventFacts event) {
    event.kind = EventFacts::Kind::kChannelChanged;
    if (Below(3) == 0) {
      if (channel->type == v1::CHANNEL_TYPE_PUBLIC) {
        channel->type = v1::CHANNEL_TYPE_PRIVATE;
      } else {
        channel->type = v1::CHANNEL_TYPE_PUBLIC;
        channel->open_from = {channel->last_seq + 1, history_.size() + 1};
        if (Below(3) == 0) channel->open_from = {};
      }
    } else if (Below(3) == 0) {
      channel->since_joining = !channel->since_joining;
    }
    event.channel_type = channel->type;
    event.open = channel->open();
    Emit(event);
  }

  SeededEntropy entropy_;
  const WorldOptions options_;
  std::map<std::string, ChannelState> now_;
  std::vector<Moment> history_;
};

absl::flat_hash_set<std::string> Names(const WorldOptions& options) {
  return {options.named.begin(), options.named.end()};
}

void LiveHearsJustWhatMayBeSeen(const World& world, const WorldOptions& options, uint64_t from) {
  Visibility live(kMe, world.FactsAt(from), Names(options));
  for (uint64_t p = from + 1; p <= world.head(); ++p) {
    const EventFacts& event = world.at(p).facts;
    const Visibility::Effect effect = live.Apply(event);
    ASSERT_EQ(effect.deliver, world.Oracle(p)) << world.Describe(p);
    // What the hub does then.
    if (effect.stale) live = Visibility(kMe, world.FactsAt(p), Names(options));
    for (const char* actor : {"ann", "bob"}) {
      ASSERT_EQ(live.HearsActor(actor), !options.guest || world.Share(actor, p))
          << actor << " " << world.Describe(p);
    }
    if (event.channel_id.empty()) continue;
    const bool member = world.at(p).channels.at(event.channel_id).members.count(kMe) > 0;
    const bool follows = options.named.count(event.channel_id) > 0 && !options.guest &&
                         world.at(p).channels.at(event.channel_id).open();
    ASSERT_EQ(live.Hears(event.channel_id), member || follows) << world.Describe(p);
  }
}

void ReplayHearsTheSameMinusWhatWasLost(const World& world, const WorldOptions& options,
                                        uint64_t head) {
  const Visibility replay(kMe, world.FactsAt(head), Names(options));
  for (uint64_t p = 1; p <= head; ++p) {
    const EventFacts& event = world.at(p).facts;
    const bool own_removal =
        event.kind == EventFacts::Kind::kMemberRemoved && event.subject_id == kMe;
    const bool deleted = event.kind == EventFacts::Kind::kChannelDeleted;
    const bool kept = own_removal || deleted || event.channel_id.empty() ||
                      world.Readable(event.channel_id, head);
    bool heard = world.Concerns(p) && kept;
    // What is heard only by the channel's name counts as the channel stands now, and so does where
    // history begins.
    const bool mine = event.to_actor_id.empty() || event.to_actor_id == kMe;
    if (!own_removal && !deleted && mine && world.OnlyFollowed(p)) {
      heard = world.FollowedAt(p, head);
    }
    if (!event.channel_id.empty() && world.HiddenAt(event, head)) heard = false;
    // A guest knows whom it knows now.
    if (options.guest && event.channel_id.empty() && event.to_actor_id.empty()) {
      heard = event.subject_id == kMe || world.Share(event.subject_id, head);
    }
    ASSERT_EQ(replay.Replays(event), heard) << world.Describe(p) << " head " << head;
  }
}

void CheckWorlds(const WorldOptions& options) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const World world(seed, options);
    for (uint64_t cut = 0; cut <= world.head(); cut += 7) {
      LiveHearsJustWhatMayBeSeen(world, options, cut);
      if (cut > 0) ReplayHearsTheSameMinusWhatWasLost(world, options, cut);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(VisibilityTest, MembersHearTheSameLiveAndInReplayInRandomWorlds) { CheckWorlds({}); }

TEST(VisibilityTest, GuestsHearTheSameLiveAndInReplayInRandomWorlds) {
  WorldOptions options;
  options.guest = true;
  options.named = {"c0", "c1"};
  CheckWorlds(options);
}

TEST(VisibilityTest, FollowersOfPublicChannelsHearTheSameLiveAndInReplayInRandomWorlds) {
  WorldOptions options;
  options.named = {"c0", "c1", "c3"};
  CheckWorlds(options);
}

EventFacts Plain(const char* channel) {
  EventFacts event;
  event.channel_id = channel;
  return event;
}

TEST(VisibilityTest, ARoleOfGuestSilencesFollowedChannelsAndTheWorkspace) {
  ReaderFacts facts;
  facts.public_channels = {"open"};
  facts.open["open"] = {};
  facts.member_of = {"mine"};
  Visibility view(kMe, facts, {"open"});
  EXPECT_TRUE(view.Apply(Plain("open")).deliver);

  EventFacts role;
  role.kind = EventFacts::Kind::kRoleChanged;
  role.subject_id = kMe;
  role.workspace_role = v1::WORKSPACE_ROLE_GUEST;
  const Visibility::Effect effect = view.Apply(role);
  EXPECT_TRUE(effect.deliver);
  EXPECT_TRUE(effect.channel_changed);
  EXPECT_FALSE(view.Apply(Plain("open")).deliver);
  EXPECT_TRUE(view.Apply(Plain("mine")).deliver);
  EXPECT_FALSE(view.HearsWorkspace());
  EXPECT_EQ(view.Channels(), std::vector<std::string>{"mine"});
}

TEST(VisibilityTest, LeavingTheWorkspaceAndDeactivationEndTheReaderAlone) {
  Visibility view(kMe, {}, {});
  EventFacts left;
  left.kind = EventFacts::Kind::kWorkspaceLeft;
  left.subject_id = "ann";
  EXPECT_FALSE(view.Apply(left).ended);
  left.subject_id = kMe;
  EXPECT_TRUE(view.Apply(left).ended);
  EventFacts changed;
  changed.kind = EventFacts::Kind::kActorChanged;
  changed.subject_id = kMe;
  EXPECT_FALSE(view.Apply(changed).ended);
  changed.deactivated = true;
  EXPECT_TRUE(view.Apply(changed).ended);
}

}  // namespace
}  // namespace heim
