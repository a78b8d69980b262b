// The half of Members that counts what is unread.
#include <limits>
#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/store/channels.h"
#include "server/store/sql_values.h"
#include "server/store/unread_sql.h"

namespace heim {
namespace {

constexpr char kMarkRead[] =
    "UPDATE channel_members SET last_read_seq = $3, last_read_at = $4 "
    "WHERE channel_id = $1 AND actor_id = $2 AND last_read_seq < $3";
// Back only, so that the message behind the cursor is the first unread one.
constexpr char kMarkUnread[] =
    "UPDATE channel_members SET last_read_seq = $3 "
    "WHERE channel_id = $1 AND actor_id = $2 AND last_read_seq > $3";
constexpr char kMarkThreadRead[] =
    "INSERT INTO thread_reads (actor_id, root_id, workspace_id, channel_id, last_read_seq, "
    "last_read_at) SELECT $2, r.id, c.workspace_id, c.id, $3, $4 FROM messages r "
    "JOIN channels c ON c.id = r.channel_id WHERE r.id = $1 "
    "ON CONFLICT (actor_id, root_id) DO UPDATE "
    "SET last_read_seq = excluded.last_read_seq, last_read_at = excluded.last_read_at "
    "WHERE thread_reads.last_read_seq < excluded.last_read_seq";
constexpr char kMarkThreadUnread[] =
    "UPDATE thread_reads SET last_read_seq = $3 "
    "WHERE root_id = $1 AND actor_id = $2 AND last_read_seq > $3";

// Channels that are read to the end cost nothing. CROSS JOIN: from the mentions, which are few, to
// their messages.
#define HEIM_CHANNEL_STATE                                                                         \
  "SELECT c.id, m.last_read_seq, m.last_read_at, c.last_seq, "                                     \
  "CASE WHEN m.last_read_seq >= c.last_seq THEN 0 ELSE "                                           \
  "(SELECT COUNT(*) FROM (SELECT 1 FROM messages x WHERE x.channel_id = c.id "                     \
  "AND x.seq > m.last_read_seq AND x.seq >= m.history_from_seq "                                   \
  "AND x.thread_id IS NULL AND " HEIM_COUNTS_AS_UNREAD HEIM_UNREAD_LIMIT                           \
  ") u) END AS unread, "                                                                           \
  "CASE WHEN m.last_read_seq >= c.last_seq THEN 0 ELSE "                                           \
  "(SELECT COUNT(*) FROM (SELECT DISTINCT n.seq FROM message_mentions n "                          \
  "CROSS JOIN messages x "                                                                         \
  "WHERE x.channel_id = n.channel_id AND x.seq = n.seq AND n.channel_id = c.id AND n.actor_id IN " \
  "($2, '*') AND n.seq > m.last_read_seq "                                                         \
  "AND x.seq >= m.history_from_seq "                                                               \
  "AND x.thread_id IS NULL AND " HEIM_COUNTS_AS_UNREAD HEIM_UNREAD_LIMIT                           \
  ") u) END AS mentions, m.muted FROM channel_members m JOIN channels c ON c.id = m.channel_id "
constexpr char kStateOf[] = HEIM_CHANNEL_STATE "WHERE m.channel_id = $1 AND m.actor_id = $2";
constexpr char kStates[] = HEIM_CHANNEL_STATE
    "WHERE c.workspace_id = $1 AND m.actor_id = $2 AND m.channel_id > $3 "
    "ORDER BY m.channel_id LIMIT $4";
constexpr char kStatesOf[] =
    HEIM_CHANNEL_STATE "WHERE c.workspace_id = $1 AND m.actor_id = $2 AND c.id IN ({list})";
// The cursor of a thread that was never read stands before its first reply.
constexpr char kThreadStateOf[] =
    "SELECT m.channel_id, COALESCE(r.last_read_seq, 0), r.last_read_at, "
    "COALESCE(t.last_reply_seq, 0), " HEIM_THREAD_UNREAD("$3", "COALESCE(r.last_read_seq, 0)")
    ", " HEIM_THREAD_MENTIONS("$3", "COALESCE(r.last_read_seq, 0)")
    ", m.muted FROM channel_members m LEFT JOIN threads t ON t.root_id = $3 "
    "LEFT JOIN thread_reads r ON r.root_id = $3 AND r.actor_id = m.actor_id "
    "WHERE m.channel_id = $1 AND m.actor_id = $2";
constexpr char kThreadStates[] =
    "SELECT f.channel_id, f.last_read_seq, f.last_read_at, t.last_reply_seq, " HEIM_THREAD_UNREAD(
        "f.root_id", "f.last_read_seq") " AS unread, " HEIM_THREAD_MENTIONS("f.root_id",
                                                                            "f.last_read_seq")
    " AS mentions, m.muted, f.root_id FROM thread_reads f "
    "JOIN threads t ON t.root_id = f.root_id "
    "JOIN channel_members m ON m.channel_id = f.channel_id AND m.actor_id = f.actor_id "
    "WHERE f.workspace_id = $1 AND f.actor_id = $2 AND f.following = 1 "
    "AND t.last_reply_seq > f.last_read_seq AND EXISTS (SELECT 1 FROM messages x "
    "WHERE x.thread_id = f.root_id AND x.seq > f.last_read_seq AND " HEIM_COUNTS_AS_UNREAD
    ") AND f.channel_id > $3 AND f.channel_id <= $4 ORDER BY f.channel_id, f.root_id LIMIT $5";

v1::ReadState ReadReadState(const SqlRow& row) {
  v1::ReadState state;
  state.set_channel_id(TextOf(row, 0));
  state.set_last_read_seq(UintOf(row, 1));
  if (!row.IsNull(2) && row.Int(2) != 0)
    *state.mutable_last_read_at() = TimestampOfMillis(row.Int(2));
  state.set_last_seq(UintOf(row, 3));
  state.set_unread_count(static_cast<uint32_t>(row.Int(4)));
  state.set_mention_count(static_cast<uint32_t>(row.Int(5)));
  state.set_muted(row.Int(6) != 0);
  return state;
}

}  // namespace

absl::StatusOr<bool> Members::MarkRead(const ChannelId& channel, const ActorId& actor, uint64_t seq,
                                       absl::Time at) {
  HEIM_ASSIGN_OR_RETURN(
      const int64_t changed,
      session_->Execute(kMarkRead, {SqlId(channel), SqlId(actor), SqlInt(seq), SqlTime(at)}));
  return changed != 0;
}

absl::StatusOr<bool> Members::MarkThreadRead(const MessageId& root, const ActorId& actor,
                                             uint64_t seq, absl::Time at) {
  HEIM_ASSIGN_OR_RETURN(
      const int64_t changed,
      session_->Execute(kMarkThreadRead, {SqlId(root), SqlId(actor), SqlInt(seq), SqlTime(at)}));
  return changed != 0;
}

absl::StatusOr<bool> Members::MarkUnread(const ChannelId& channel, const ActorId& actor,
                                         uint64_t seq) {
  HEIM_ASSIGN_OR_RETURN(
      const int64_t changed,
      session_->Execute(kMarkUnread, {SqlId(channel), SqlId(actor), SqlInt(seq)}));
  return changed != 0;
}

absl::StatusOr<bool> Members::MarkThreadUnread(const MessageId& root, const ActorId& actor,
                                               uint64_t seq) {
  HEIM_ASSIGN_OR_RETURN(
      const int64_t changed,
      session_->Execute(kMarkThreadUnread, {SqlId(root), SqlId(actor), SqlInt(seq)}));
  return changed != 0;
}

absl::StatusOr<v1::ReadState> Members::ReadStateOf(const ChannelId& channel, const ActorId& actor,
                                                   const std::optional<MessageId>& thread) {
  v1::ReadState state;
  const auto read = [&](const SqlRow& row) {
    state = ReadReadState(row);
    return absl::OkStatus();
  };
  if (!thread.has_value()) {
    HEIM_RETURN_IF_ERROR(
        QueryOne(*session_, kStateOf, {SqlId(channel), SqlId(actor)}, MemberNotFound, read));
    return state;
  }
  HEIM_RETURN_IF_ERROR(QueryOne(*session_, kThreadStateOf,
                                {SqlId(channel), SqlId(actor), SqlId(*thread)}, MemberNotFound,
                                read));
  state.set_thread_id(thread->str());
  return state;
}

absl::StatusOr<std::vector<v1::ReadState>> Members::ReadStates(const WorkspaceId& workspace,
                                                               const ActorId& actor,
                                                               std::string_view after_channel_id,
                                                               uint32_t limit) {
  std::vector<v1::ReadState> states;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kStates, {SqlId(workspace), SqlId(actor), SqlText(after_channel_id), SqlInt(limit)},
      [&](const SqlRow& row) {
        states.push_back(ReadReadState(row));
        return absl::OkStatus();
      }));
  return states;
}

absl::StatusOr<std::vector<v1::ReadState>> Members::ReadStatesIn(
    const WorkspaceId& workspace, const ActorId& actor,
    absl::Span<const std::string_view> channels) {
  std::vector<v1::ReadState> states;
  HEIM_RETURN_IF_ERROR(QueryList(*session_, kStatesOf, {SqlId(workspace), SqlId(actor)}, channels,
                                 [&](const SqlRow& row) {
                                   states.push_back(ReadReadState(row));
                                   return absl::OkStatus();
                                 }));
  return states;
}

absl::StatusOr<std::vector<v1::ReadState>> Members::UnreadThreads(const WorkspaceId& workspace,
                                                                  const ActorId& actor,
                                                                  const ChannelRange& range,
                                                                  uint32_t limit) {
  std::vector<v1::ReadState> states;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kThreadStates,
      {SqlId(workspace), SqlId(actor), SqlText(range.after), SqlText(range.last), SqlInt(limit)},
      [&](const SqlRow& row) {
        states.push_back(ReadReadState(row));
        states.back().set_thread_id(TextOf(row, 7));
        return absl::OkStatus();
      }));
  return states;
}

absl::StatusOr<v1::UnreadSummary> Members::UnreadTotals(const WorkspaceId& workspace,
                                                        const ActorId& actor) {
  constexpr uint32_t kAll = std::numeric_limits<int32_t>::max();
  v1::UnreadSummary totals;
  HEIM_ASSIGN_OR_RETURN(const std::vector<v1::ReadState> channels,
                        ReadStates(workspace, actor, "", kAll));
  for (const v1::ReadState& state : channels) {
    if (state.muted() || state.unread_count() == 0) continue;
    totals.set_unread_channels(totals.unread_channels() + 1);
    totals.set_unread_count(totals.unread_count() + state.unread_count());
    totals.set_mention_count(totals.mention_count() + state.mention_count());
  }
  const ChannelRange all{"", "~"};  // behind every id
  HEIM_ASSIGN_OR_RETURN(const std::vector<v1::ReadState> threads,
                        UnreadThreads(workspace, actor, all, kAll));
  for (const v1::ReadState& state : threads) {
    if (state.muted()) continue;
    totals.set_unread_threads(totals.unread_threads() + 1);
    totals.set_thread_unread_count(totals.thread_unread_count() + state.unread_count());
    totals.set_thread_mention_count(totals.thread_mention_count() + state.mention_count());
  }
  return totals;
}

}  // namespace heim
