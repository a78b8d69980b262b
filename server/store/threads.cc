// The half of Messages that keeps what a root shows of its replies.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/store/messages.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr size_t kParticipantsShown = 5;

constexpr char kParticipants[] = "SELECT participants FROM threads WHERE root_id = $1";
constexpr char kAddReply[] =
    "INSERT INTO threads (root_id, reply_count, last_reply_seq, last_reply_at, participants, "
    "channel_id) VALUES ($1, 1, $2, $3, $4, $5) ON CONFLICT (root_id) DO UPDATE SET "
    "reply_count = threads.reply_count + 1, "
    "last_reply_at = CASE WHEN excluded.last_reply_seq > threads.last_reply_seq "
    "THEN excluded.last_reply_at ELSE threads.last_reply_at END, "
    "last_reply_seq = CASE WHEN excluded.last_reply_seq > threads.last_reply_seq "
    "THEN excluded.last_reply_seq ELSE threads.last_reply_seq END, "
    "participants = excluded.participants";
constexpr char kTouchRoot[] = "UPDATE messages SET changed_position = $2 WHERE id = $1";
constexpr char kLowerCount[] =
    "UPDATE threads SET reply_count = reply_count - 1 WHERE root_id = $1 RETURNING reply_count";
constexpr char kDeleteThread[] = "DELETE FROM threads WHERE root_id = $1";
// 2 is streaming: such a reply is counted when it ends.
constexpr char kNewestReply[] =
    "SELECT seq, created_at FROM messages WHERE thread_id = $1 AND deleted = 0 AND state <> 2 "
    "ORDER BY seq DESC LIMIT 1";
constexpr char kFirstRepliers[] =
    "SELECT actor_id FROM messages WHERE thread_id = $1 AND deleted = 0 AND state <> 2 "
    "GROUP BY actor_id ORDER BY MIN(seq) LIMIT 5";
constexpr char kSetThread[] =
    "UPDATE threads SET last_reply_seq = $2, last_reply_at = $3, participants = $4 "
    "WHERE root_id = $1";

}  // namespace

absl::Status Messages::AddReply(const MessageId& root, const v1::Message& reply,
                                uint64_t position) {
  std::string participants;
  HEIM_RETURN_IF_ERROR(session_->Query(kParticipants, {SqlId(root)}, [&](const SqlRow& row) {
    participants = TextOf(row, 0);
    return absl::OkStatus();
  }));
  const std::vector<std::string> shown = absl::StrSplit(participants, ',', absl::SkipEmpty());
  if (shown.size() < kParticipantsShown &&
      std::find(shown.begin(), shown.end(), reply.actor().id()) == shown.end()) {
    StrAppend(&participants, participants.empty() ? "" : ",", reply.actor().id());
  }
  HEIM_RETURN_IF_ERROR(
      session_->Execute(kAddReply, {SqlId(root), SqlInt(reply.seq()), SqlTime(reply.created_at()),
                                    SqlText(participants), SqlText(reply.channel_id())}));
  return session_->Execute(kTouchRoot, {SqlId(root), SqlInt(position)}).status();
}

absl::Status Messages::RemoveReply(const MessageId& root, uint64_t position) {
  HEIM_RETURN_IF_ERROR(session_->Execute(kTouchRoot, {SqlId(root), SqlInt(position)}));
  HEIM_ASSIGN_OR_RETURN(const int64_t left, QueryInt(*session_, kLowerCount, {SqlId(root)}));
  if (left <= 0) return session_->Execute(kDeleteThread, {SqlId(root)}).status();

  uint64_t seq = 0;
  int64_t at = 0;
  HEIM_RETURN_IF_ERROR(session_->Query(kNewestReply, {SqlId(root)}, [&](const SqlRow& row) {
    seq = UintOf(row, 0);
    at = row.Int(1);
    return absl::OkStatus();
  }));
  std::vector<std::string> repliers;
  HEIM_RETURN_IF_ERROR(session_->Query(kFirstRepliers, {SqlId(root)}, [&](const SqlRow& row) {
    repliers.push_back(TextOf(row, 0));
    return absl::OkStatus();
  }));
  const std::string participants = absl::StrJoin(repliers, ",");
  return session_
      ->Execute(kSetThread, {SqlId(root), SqlInt(seq), SqlValue(at), SqlText(participants)})
      .status();
}

}  // namespace heim
