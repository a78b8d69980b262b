#include "server/store/thread_follows.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/store/sql_values.h"
#include "server/store/unread_sql.h"

namespace heim {
namespace {

constexpr char kFollowers[] =
    "SELECT f.actor_id FROM thread_reads f JOIN channel_members m "
    "ON m.channel_id = f.channel_id AND m.actor_id = f.actor_id "
    "WHERE f.root_id = $1 AND f.following = 1 ORDER BY f.actor_id";
constexpr char kIsFollowing[] =
    "SELECT COUNT(*) FROM thread_reads f JOIN channel_members m "
    "ON m.channel_id = f.channel_id AND m.actor_id = f.actor_id "
    "WHERE f.root_id = $1 AND f.actor_id = $2 AND f.following = 1";
constexpr char kStanding[] =
    "SELECT m.actor_id, COALESCE(f.following, 0) FROM channel_members m "
    "LEFT JOIN thread_reads f ON f.actor_id = m.actor_id AND f.root_id = $2 "
    "WHERE m.channel_id = $1 AND m.actor_id IN ({list}) "
    "AND m.history_from_seq <= (SELECT r.seq FROM messages r WHERE r.id = $2) "
    "ORDER BY m.actor_id";
constexpr char kSet[] =
    "INSERT INTO thread_reads (actor_id, root_id, workspace_id, channel_id, following, "
    "last_read_seq, last_read_at) VALUES ($1, $2, $3, $4, $5, $6, 0) "
    "ON CONFLICT (actor_id, root_id) DO UPDATE SET following = excluded.following";

// Columns of a thread as $2 has it: `f` its row in thread_reads, `t` its summary; both may be
// missing where they are joined from the left.
#define HEIM_THREAD_STATE(channel, root)                                                           \
  "SELECT " channel ", " root                                                                      \
  ", COALESCE(f.following, 0), COALESCE(f.last_read_seq, 0), "                                     \
  "COALESCE(f.last_read_at, 0), COALESCE(t.last_reply_seq, 0), "                                   \
  "COALESCE(t.last_reply_at, 0), " HEIM_THREAD_UNREAD(                                             \
      root, "COALESCE(f.last_read_seq, 0)") ", " HEIM_THREAD_MENTIONS(root,                        \
                                                                      "COALESCE(f.last_read_seq, " \
                                                                      "0)") " "

constexpr char kState[] = HEIM_THREAD_STATE("r.channel_id", "r.id")
    "FROM messages r LEFT JOIN threads t ON t.root_id = r.id "
    "LEFT JOIN thread_reads f ON f.root_id = r.id AND f.actor_id = $2 WHERE r.id = $1";
// The page is found first, then what is unread in it is counted.
#define HEIM_FOLLOWED_PAGE(only)                                                        \
  HEIM_THREAD_STATE("f.channel_id", "f.root_id")                                        \
  "FROM (SELECT f.root_id FROM thread_reads f JOIN threads t ON t.root_id = f.root_id " \
  "JOIN channel_members m ON m.channel_id = f.channel_id AND m.actor_id = f.actor_id "  \
  "WHERE f.actor_id = $2 AND f.workspace_id = $1 AND f.following = 1 "                  \
  "AND t.last_reply_at <= $3 AND (t.last_reply_at < $3 OR f.root_id < $4) " only        \
  "ORDER BY t.last_reply_at DESC, f.root_id DESC LIMIT $5) p "                          \
  "JOIN threads t ON t.root_id = p.root_id "                                            \
  "JOIN thread_reads f ON f.root_id = p.root_id AND f.actor_id = $2 "                   \
  "ORDER BY t.last_reply_at DESC, f.root_id DESC"
constexpr char kFollowed[] = HEIM_FOLLOWED_PAGE("");
constexpr char kFollowedUnread[] = HEIM_FOLLOWED_PAGE(
    "AND t.last_reply_seq > f.last_read_seq AND EXISTS (SELECT 1 FROM messages x "
    "WHERE x.thread_id = f.root_id AND x.seq > f.last_read_seq AND " HEIM_COUNTS_AS_UNREAD ") ");
constexpr char kOfChannel[] = HEIM_THREAD_STATE("t.channel_id", "t.root_id")
    "FROM threads t LEFT JOIN thread_reads f ON f.root_id = t.root_id AND f.actor_id = $2 "
    "WHERE t.channel_id = $1 AND t.last_reply_seq < $3 ORDER BY t.last_reply_seq DESC LIMIT $4";
constexpr char kUnreadUpTo[] =
    "SELECT f.channel_id, f.root_id, MAX(x.seq) FROM thread_reads f "
    "JOIN channel_members m ON m.channel_id = f.channel_id AND m.actor_id = f.actor_id "
    "JOIN messages x ON x.thread_id = f.root_id AND x.seq > f.last_read_seq "
    "WHERE f.actor_id = $2 AND f.workspace_id = $1 AND f.following = 1 "
    "AND x.created_position <= $3 AND " HEIM_COUNTS_AS_UNREAD
    "GROUP BY f.channel_id, f.root_id ORDER BY f.root_id LIMIT $4";

v1::ThreadState ReadState(const SqlRow& row) {
  v1::ThreadState state;
  state.set_channel_id(TextOf(row, 0));
  state.set_thread_id(TextOf(row, 1));
  state.set_following(row.Int(2) == static_cast<int64_t>(Following::kFollows));
  state.set_last_read_seq(UintOf(row, 3));
  if (row.Int(4) != 0) *state.mutable_last_read_at() = TimestampOfMillis(row.Int(4));
  state.set_last_reply_seq(UintOf(row, 5));
  if (row.Int(6) != 0) *state.mutable_last_reply_at() = TimestampOfMillis(row.Int(6));
  state.set_unread_count(static_cast<uint32_t>(row.Int(7)));
  state.set_mention_count(static_cast<uint32_t>(row.Int(8)));
  return state;
}

absl::StatusOr<std::vector<v1::ThreadState>> ReadStates(SqlSession& session, std::string_view sql,
                                                        absl::Span<const SqlValue> parameters) {
  std::vector<v1::ThreadState> states;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    states.push_back(ReadState(row));
    return absl::OkStatus();
  }));
  return states;
}

}  // namespace

absl::StatusOr<std::vector<ActorId>> ThreadFollows::FollowersOf(const MessageId& root) {
  std::vector<ActorId> followers;
  HEIM_RETURN_IF_ERROR(session_->Query(kFollowers, {SqlId(root)}, [&](const SqlRow& row) {
    followers.emplace_back(row.Text(0));
    return absl::OkStatus();
  }));
  return followers;
}

absl::StatusOr<bool> ThreadFollows::IsFollowing(const MessageId& root, const ActorId& actor) {
  HEIM_ASSIGN_OR_RETURN(const int64_t count,
                        QueryInt(*session_, kIsFollowing, {SqlId(root), SqlId(actor)}));
  return count != 0;
}

absl::StatusOr<std::vector<ThreadStanding>> ThreadFollows::StandingOf(
    const ThreadPlace& place, absl::Span<const std::string_view> actors) {
  std::vector<ThreadStanding> standing;
  HEIM_RETURN_IF_ERROR(
      QueryList(*session_, kStanding, {SqlId(place.channel), SqlId(place.root)}, actors,
                [&](const SqlRow& row) {
                  standing.push_back({ActorId(row.Text(0)), static_cast<Following>(row.Int(1))});
                  return absl::OkStatus();
                }));
  return standing;
}

absl::Status ThreadFollows::Set(const ThreadPlace& place, const ActorId& actor, Following following,
                                uint64_t cursor) {
  return session_
      ->Execute(kSet, {SqlId(actor), SqlId(place.root), SqlId(place.workspace),
                       SqlId(place.channel), SqlEnum(static_cast<int>(following)), SqlInt(cursor)})
      .status();
}

absl::StatusOr<v1::ThreadState> ThreadFollows::StateOf(const ThreadPlace& place,
                                                       const ActorId& reader) {
  v1::ThreadState state;
  state.set_channel_id(place.channel.str());
  state.set_thread_id(place.root.str());
  HEIM_RETURN_IF_ERROR(
      session_->Query(kState, {SqlId(place.root), SqlId(reader)}, [&](const SqlRow& row) {
        state = ReadState(row);
        return absl::OkStatus();
      }));
  return state;
}

absl::StatusOr<std::vector<v1::ThreadState>> ThreadFollows::ListFollowed(
    const WorkspaceId& workspace, const ActorId& reader, const FollowedPage& page) {
  return ReadStates(*session_, page.unread_only ? kFollowedUnread : kFollowed,
                    {SqlId(workspace), SqlId(reader), SqlValue(page.before_millis),
                     SqlText(page.before_id), SqlInt(page.limit)});
}

absl::StatusOr<std::vector<v1::ThreadState>> ThreadFollows::ListOfChannel(const ChannelId& channel,
                                                                          const ActorId& reader,
                                                                          uint64_t before_seq,
                                                                          uint32_t limit) {
  const SqlValue before = before_seq == 0 ? SqlValue(INT64_MAX) : SqlInt(before_seq);
  return ReadStates(*session_, kOfChannel, {SqlId(channel), SqlId(reader), before, SqlInt(limit)});
}

absl::StatusOr<std::vector<ThreadFollows::Readable>> ThreadFollows::UnreadUpTo(
    const WorkspaceId& workspace, const ActorId& reader, uint64_t position, uint32_t limit) {
  std::vector<Readable> readable;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kUnreadUpTo, {SqlId(workspace), SqlId(reader), SqlInt(position), SqlInt(limit)},
      [&](const SqlRow& row) {
        readable.push_back(
            {{workspace, ChannelId(row.Text(0)), MessageId(row.Text(1))}, UintOf(row, 2)});
        return absl::OkStatus();
      }));
  return readable;
}

}  // namespace heim
