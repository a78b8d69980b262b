// Who follows which thread, and what a reader has of its threads. Rows and nothing else; rights are
// checked by services, but for one: only members of a channel follow its threads.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "heim/v1/thread.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

// What an actor said of a thread; as stored.
enum class Following { kNothingSaid = 0, kFollows = 1, kUnfollowed = 2 };

// A member of the thread's channel and what it said of the thread.
struct ThreadStanding {
  ActorId actor;
  Following following = Following::kNothingSaid;
};

struct ThreadPlace {
  WorkspaceId workspace;
  ChannelId channel;
  MessageId root;
};

// Followed threads, newest reply first, after the last one of the page before.
struct FollowedPage {
  bool unread_only = false;
  int64_t before_millis = INT64_MAX;  // last_reply_at
  std::string before_id;              // root
  uint32_t limit = 50;
};

class ThreadFollows {
 public:
  explicit ThreadFollows(SqlSession& session) : session_(&session) {}

  // Everybody who follows the thread and is a member of its channel, by id.
  absl::StatusOr<std::vector<ActorId>> FollowersOf(const MessageId& root);
  absl::StatusOr<bool> IsFollowing(const MessageId& root, const ActorId& actor);

  // Those among `actors` that are members of the channel.
  absl::StatusOr<std::vector<ThreadStanding>> StandingOf(const ThreadPlace& place,
                                                         absl::Span<const std::string_view> actors);
  // Notes what the actor said. `cursor` is where its reading begins when it has no cursor yet.
  absl::Status Set(const ThreadPlace& place, const ActorId& actor, Following following,
                   uint64_t cursor);

  // The thread as the reader has it, member or not, without the root.
  absl::StatusOr<v1::ThreadState> StateOf(const ThreadPlace& place, const ActorId& reader);
  // Of those with replies, in channels where the reader is a member; without roots.
  absl::StatusOr<std::vector<v1::ThreadState>> ListFollowed(const WorkspaceId& workspace,
                                                            const ActorId& reader,
                                                            const FollowedPage& page);
  // A channel's threads whose last reply is before `before_seq` (0: all), newest first.
  absl::StatusOr<std::vector<v1::ThreadState>> ListOfChannel(const ChannelId& channel,
                                                             const ActorId& reader,
                                                             uint64_t before_seq, uint32_t limit);

  // A followed thread with unread replies that were first written at or before a position, and the
  // seq of the last of these.
  struct Readable {
    ThreadPlace place;
    uint64_t seq = 0;
  };
  absl::StatusOr<std::vector<Readable>> UnreadUpTo(const WorkspaceId& workspace,
                                                   const ActorId& reader, uint64_t position,
                                                   uint32_t limit);

 private:
  SqlSession* session_;
};

}  // namespace heim
