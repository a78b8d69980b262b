// The half of Members that counts what is unread.
#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/store/channels.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kMarkRead[] =
    "UPDATE channel_members SET last_read_seq = $3, last_read_at = $4 "
    "WHERE channel_id = $1 AND actor_id = $2 AND last_read_seq < $3";
constexpr char kMarkThreadRead[] =
    "INSERT INTO thread_reads (actor_id, root_id, last_read_seq, last_read_at) "
    "VALUES ($2, $1, $3, $4) ON CONFLICT (actor_id, root_id) DO UPDATE "
    "SET last_read_seq = excluded.last_read_seq, last_read_at = excluded.last_read_at "
    "WHERE thread_reads.last_read_seq < excluded.last_read_seq";

// What counts as unread: complete or interrupted (2 is streaming), of somebody else, not deleted,
// not the system's, not before the reader's history. `x` is the message, $2 the reader, `m` its
// membership.
#define HEIM_COUNTS                                                          \
  "x.state <> 2 AND x.is_system = 0 AND x.deleted = 0 AND x.actor_id <> $2 " \
  "AND x.seq >= m.history_from_seq "
#define HEIM_CHANNEL_STATE                                                                  \
  "SELECT c.id, m.last_read_seq, m.last_read_at, c.last_seq, "                              \
  "(SELECT COUNT(*) FROM messages x WHERE x.channel_id = c.id AND x.seq > m.last_read_seq " \
  "AND x.thread_id IS NULL AND " HEIM_COUNTS                                                \
  "), "                                                                                     \
  "(SELECT COUNT(DISTINCT n.seq) FROM message_mentions n "                                  \
  "JOIN messages x ON x.channel_id = n.channel_id AND x.seq = n.seq "                       \
  "WHERE n.channel_id = c.id AND n.actor_id IN ($2, '*') AND n.seq > m.last_read_seq "      \
  "AND x.thread_id IS NULL AND " HEIM_COUNTS                                                \
  ") "                                                                                      \
  "FROM channel_members m JOIN channels c ON c.id = m.channel_id "
constexpr char kStateOf[] = HEIM_CHANNEL_STATE "WHERE m.channel_id = $1 AND m.actor_id = $2";
constexpr char kStates[] = HEIM_CHANNEL_STATE
    "WHERE c.workspace_id = $1 AND m.actor_id = $2 AND m.channel_id > $3 "
    "ORDER BY m.channel_id LIMIT $4";
// The cursor of a thread that was never read stands before its first reply.
constexpr char kThreadStateOf[] =
    "SELECT m.channel_id, COALESCE(r.last_read_seq, 0), r.last_read_at, "
    "COALESCE(t.last_reply_seq, 0), "
    "(SELECT COUNT(*) FROM messages x WHERE x.thread_id = $3 "
    "AND x.seq > COALESCE(r.last_read_seq, 0) AND " HEIM_COUNTS
    "), "
    "(SELECT COUNT(DISTINCT x.seq) FROM messages x JOIN message_mentions n "
    "ON n.channel_id = x.channel_id AND n.seq = x.seq AND n.actor_id IN ($2, '*') "
    "WHERE x.thread_id = $3 AND x.seq > COALESCE(r.last_read_seq, 0) AND " HEIM_COUNTS
    ") "
    "FROM channel_members m LEFT JOIN threads t ON t.root_id = $3 "
    "LEFT JOIN thread_reads r ON r.root_id = $3 AND r.actor_id = m.actor_id "
    "WHERE m.channel_id = $1 AND m.actor_id = $2";

v1::ReadState ReadReadState(const SqlRow& row) {
  v1::ReadState state;
  state.set_channel_id(TextOf(row, 0));
  state.set_last_read_seq(UintOf(row, 1));
  if (!row.IsNull(2)) *state.mutable_last_read_at() = TimestampOfMillis(row.Int(2));
  state.set_last_seq(UintOf(row, 3));
  state.set_unread_count(static_cast<uint32_t>(row.Int(4)));
  state.set_mention_count(static_cast<uint32_t>(row.Int(5)));
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

}  // namespace heim
