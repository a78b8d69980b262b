// Channels, their members and read cursors. Rows and nothing else; rights are checked by services.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "heim/v1/channel.pb.h"
#include "heim/v1/read_state_service.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

// A channel as one actor sees it: `channel.me` is filled when the actor is a member.
struct ChannelFilter {
  v1::ChannelType type = v1::CHANNEL_TYPE_UNSPECIFIED;
  bool include_archived = false;
  bool joined_only = false;  // also set for guests
  std::string name;          // exact; empty = all
  std::string after_name;
  std::string after_id;
  uint32_t limit = 50;
};

// Where history begins for somebody; 0: at the beginning.
struct HistoryStart {
  uint64_t seq = 0;       // of the oldest message
  uint64_t position = 0;  // of the oldest event in the log
};

class Channels {
 public:
  explicit Channels(SqlSession& session) : session_(&session) {}

  // `dm_key` (sorted member ids, unique in the workspace) for dm and group_dm, else empty.
  // CHANNEL_NAME_TAKEN; ALREADY_EXISTS with reason ALREADY_MEMBER when the dm_key exists.
  absl::Status Insert(const v1::Channel& channel, std::string_view dm_key);
  // CHANNEL_NOT_FOUND. `me` unset.
  absl::StatusOr<v1::Channel> Get(const ChannelId& id);
  // One query: the channel, with `me` filled when the actor is a member. CHANNEL_NOT_FOUND.
  absl::StatusOr<v1::Channel> GetFor(const ChannelId& id, const ActorId& actor);
  absl::StatusOr<v1::Channel> FindByName(const WorkspaceId& workspace, std::string_view name);
  absl::StatusOr<v1::Channel> FindByDmKey(const WorkspaceId& workspace, std::string_view dm_key);
  // Writes name, type, topic, purpose, history_visibility, archived, updated_at, revision.
  // CHANNEL_NAME_TAKEN.
  absl::Status Update(const v1::Channel& channel);
  // From where on those who are not members may read the channel, when it is public.
  absl::StatusOr<HistoryStart> OpenFrom(const ChannelId& id);
  absl::Status SetOpenFrom(const ChannelId& id, const HistoryStart& start);
  // Keeps the name that the channel gives up, so that it is still found by it.
  absl::Status KeepName(const WorkspaceId& workspace, const ChannelId& id, std::string_view name);
  // The channel that had the name last, whoever has it now. CHANNEL_NOT_FOUND.
  absl::StatusOr<ChannelId> FormerlyNamed(const WorkspaceId& workspace, std::string_view name);
  // Public channels and those of the actor, by (name, id), `me` filled.
  absl::StatusOr<std::vector<v1::Channel>> List(const WorkspaceId& workspace, const ActorId& actor,
                                                const ChannelFilter& filter);
  // Takes the next seq of the channel: dense, from 1.
  absl::StatusOr<uint64_t> NextSeq(const ChannelId& id);

 private:
  SqlSession* session_;
};

// An actor's membership of a channel between two positions of the log; `to` is 0 while it lasts.
struct MembershipInterval {
  ChannelId channel_id;
  uint64_t from = 0;
  uint64_t to = 0;
};

// What the hub needs to know of a channel to decide who may hear it.
struct ChannelFacts {
  ChannelId channel_id;
  v1::ChannelType type = v1::CHANNEL_TYPE_UNSPECIFIED;
  bool is_member = false;
  // Whether those who are not members may read what is said, and from where on.
  bool open = false;
  HistoryStart open_from;
};

// Where the history of a channel begins for one of its members.
struct MemberHistory {
  ChannelId channel_id;
  uint64_t from_seq = 0;
};

// Channel ids: after the first, up to and with the last.
struct ChannelRange {
  std::string after;
  std::string last;
};

class Members {
 public:
  explicit Members(SqlSession& session) : session_(&session) {}

  // Inserts the member, raises member_count and opens a membership interval at `position` (of its
  // member.added event). ALREADY_MEMBER.
  absl::Status Insert(const v1::Member& member, uint64_t position);
  // MEMBER_NOT_FOUND.
  absl::StatusOr<v1::Member> Get(const ChannelId& channel, const ActorId& actor);
  absl::StatusOr<bool> Has(const ChannelId& channel, const ActorId& actor);
  // By (joined_at, actor id) after the given actor; empty: from the first. `last_read_*` and
  // `muted` left out.
  absl::StatusOr<std::vector<v1::Member>> List(const ChannelId& channel,
                                               std::string_view after_actor_id, uint32_t limit);
  // Writes role, muted and revision.
  absl::Status Update(const v1::Member& member);
  // Deletes the member with what it followed and has read of threads, lowers member_count and
  // closes its interval at `position` (of its member.removed event).
  absl::Status Remove(const ChannelId& channel, const ActorId& actor, uint64_t position);
  absl::StatusOr<int64_t> CountOwners(const ChannelId& channel);
  // Who takes over from a leaving last owner: the oldest admin, else the oldest member who may
  // write; empty: nobody.
  absl::StatusOr<std::optional<ActorId>> Successor(const ChannelId& channel,
                                                   const ActorId& leaving);
  absl::StatusOr<std::vector<ChannelId>> ChannelsOf(const WorkspaceId& workspace,
                                                    const ActorId& actor);
  // Who else is in the actor's channels, with the number of channels shared.
  absl::StatusOr<absl::flat_hash_map<std::string, int>> Peers(const WorkspaceId& workspace,
                                                              const ActorId& actor);
  // All intervals of the actor in the workspace.
  absl::StatusOr<std::vector<MembershipInterval>> Intervals(const WorkspaceId& workspace,
                                                            const ActorId& actor);
  // Of the actor's channels, those of which it may not read everything.
  absl::StatusOr<std::vector<MemberHistory>> Histories(const WorkspaceId& workspace,
                                                       const ActorId& actor);
  // Type and membership of the named channels of the workspace; those that do not exist are left
  // out.
  absl::StatusOr<std::vector<ChannelFacts>> Facts(const WorkspaceId& workspace,
                                                  const ActorId& actor,
                                                  absl::Span<const ChannelId> channels);

  // Moves the read cursor forward (never back); false when it was there already.
  absl::StatusOr<bool> MarkRead(const ChannelId& channel, const ActorId& actor, uint64_t seq,
                                absl::Time at);
  absl::StatusOr<bool> MarkThreadRead(const MessageId& root, const ActorId& actor, uint64_t seq,
                                      absl::Time at);
  // Moves the read cursor back to `seq`; false when it was not after it.
  absl::StatusOr<bool> MarkUnread(const ChannelId& channel, const ActorId& actor, uint64_t seq);
  absl::StatusOr<bool> MarkThreadUnread(const MessageId& root, const ActorId& actor, uint64_t seq);
  // Cursor and counts of one channel or (thread set) thread. MEMBER_NOT_FOUND.
  absl::StatusOr<v1::ReadState> ReadStateOf(const ChannelId& channel, const ActorId& actor,
                                            const std::optional<MessageId>& thread);
  // By channel id.
  absl::StatusOr<std::vector<v1::ReadState>> ReadStates(const WorkspaceId& workspace,
                                                        const ActorId& actor,
                                                        std::string_view after_channel_id,
                                                        uint32_t limit);
  // Of the named channels, without those that the actor is no member of; in no order.
  absl::StatusOr<std::vector<v1::ReadState>> ReadStatesIn(
      const WorkspaceId& workspace, const ActorId& actor,
      absl::Span<const std::string_view> channels);
  // Followed threads with unread replies, of the channels in the range, by channel.
  absl::StatusOr<std::vector<v1::ReadState>> UnreadThreads(const WorkspaceId& workspace,
                                                           const ActorId& actor,
                                                           const ChannelRange& range,
                                                           uint32_t limit);
  // Of all channels that are not muted.
  absl::StatusOr<v1::UnreadSummary> UnreadTotals(const WorkspaceId& workspace,
                                                 const ActorId& actor);

 private:
  SqlSession* session_;
};

}  // namespace heim
