// Visibility is the law of who hears what. It is pure: two readings of the same law, one for replay
// (by membership intervals, for positions up to a snapshot) and one for live events (a set that the
// reader's own events keep up to date). They must agree; visibility_test.cc holds them against each
// other. A value owned by one subscription; one thread at a time; never blocks.
//
// The law, for an event at position p and a reader:
//   - own member.removed: always.
//   - to_actor_id: that actor alone, and with a channel only by the rules below.
//   - no channel: every member of the workspace that is no guest; a guest hears what is about it,
//   and
//     profiles and presence of those who share a channel with it (replay: share one now).
//   - a channel's event: when p lies in a membership of the reader. Replay adds: and the reader may
//     read the channel now (it is a member, or the channel is public and the reader no guest).
//   - a channel that is open (public, and history not kept for members) and that the reader named
//     may be followed without membership while it is open (replay: is open now, and from where on),
//     never by guests.
//   - what is about a message older than the reader's history in the channel: never.
//   - channel.deleted: who could read the channel then.
//   - channel.created/updated/archived/unarchived of a public channel: like an event without
//     channel. channel.created of another channel: its creator too, who becomes its first member in
//     the same commit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "server/hub/event_facts.h"
#include "server/store/channels.h"

namespace heim {

// What the store said of a reader at one position of the log.
struct ReaderFacts {
  // A channel that may be read without membership, and from where on.
  struct Open {
    uint64_t from_seq = 0;
    uint64_t from_position = 0;
  };

  uint64_t position = 0;
  bool guest = false;
  // Guests only: who shares channels with the reader, and how many.
  absl::flat_hash_map<std::string, int> peers;
  absl::flat_hash_map<std::string, std::vector<MembershipInterval>> intervals;
  absl::flat_hash_set<std::string> member_of;
  absl::flat_hash_set<std::string> public_channels;  // among those that matter to the reader
  absl::flat_hash_map<std::string, Open> open;       // the same
  // Of member_of, where not everything may be read: `seq` of the oldest message.
  absl::flat_hash_map<std::string, uint64_t> history_from;
};

class Visibility {
 public:
  Visibility() = default;
  Visibility(std::string self, ReaderFacts facts, absl::flat_hash_set<std::string> named);

  // Replay: whether an event at or before facts.position is heard.
  bool Replays(const EventFacts& event) const;

  struct Effect {
    bool deliver = false;
    bool channel_changed = false;  // Hears(event.channel_id) may have changed
    bool ended = false;            // the reader has no business here any more
    bool stale = false;            // only the store knows what is visible now: read facts anew
  };
  // Live: applies the next event after facts.position, in position order.
  Effect Apply(const EventFacts& event);

  // Whether plain and ephemeral events of the channel are heard now.
  bool Hears(const std::string& channel_id) const;
  // Whether an event of a channel that is heard now is about a message that is older than the
  // reader's history there.
  bool Hides(const EventFacts& event) const;
  // Whether events without a channel are heard now.
  bool HearsWorkspace() const { return !facts_.guest; }
  // Whether the presence of the actor is heard now.
  bool HearsActor(const std::string& actor_id) const {
    return !facts_.guest || actor_id == self_ || facts_.peers.contains(actor_id);
  }

  // Every channel that Hears() is true for.
  std::vector<std::string> Channels() const;

 private:
  bool MayFollow(const std::string& channel_id) const;
  bool IsOlderThanHistory(const EventFacts& event) const;
  bool ReplaysDeleted(const EventFacts& event) const;
  void ApplyChannel(const EventFacts& event, Effect* effect);
  bool ApplyOwn(const EventFacts& event, Effect* effect);
  bool HearsWorkspaceEvent(const EventFacts& event) const;
  void CountPeer(const EventFacts& event);
  bool IsAnnouncement(const EventFacts& event) const;

  std::string self_;
  ReaderFacts facts_;
  absl::flat_hash_set<std::string> named_;
};

}  // namespace heim
