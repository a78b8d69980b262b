#include "server/store/messages.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/store/mention_rows.h"
#include "server/store/reaction_groups.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

#define HEIM_MESSAGE_SELECT                                                                     \
  "SELECT m.id, m.channel_id, m.seq, m.thread_id, m.state, m.revision, m.created_at, "          \
  "m.client_id, m.body, " HEIM_ACTOR_REF_COLUMNS                                                \
  ", t.reply_count, t.last_reply_seq, t.last_reply_at, t.participants "                         \
  "FROM messages m LEFT JOIN actors a ON a.id = m.actor_id LEFT JOIN threads t ON t.root_id = " \
  "m.id "
constexpr int kActorColumn = 9;
constexpr int kThreadColumn = 14;

// No row when the channel is not one of the workspace.
constexpr char kInsert[] =
    "INSERT INTO messages (id, channel_id, seq, actor_id, thread_id, state, is_system, deleted, "
    "revision, created_at, created_position, changed_position, client_id, body) "
    "SELECT $1, c.id, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14 "
    "FROM channels c WHERE c.id = $2 AND c.workspace_id = $3";
constexpr char kGet[] = HEIM_MESSAGE_SELECT "WHERE m.id = $1";
constexpr char kFindByClientId[] = HEIM_MESSAGE_SELECT "WHERE m.actor_id = $1 AND m.client_id = $2";
constexpr char kRequestHashOf[] = "SELECT request_hash FROM messages WHERE id = $1";
constexpr char kSetRequestHash[] = "UPDATE messages SET request_hash = $2 WHERE id = $1";
constexpr char kGetRow[] =
    "SELECT channel_id, seq, state, revision, body FROM messages WHERE id = $1";
constexpr char kUpdate[] =
    "UPDATE messages SET state = $2, deleted = $3, revision = $4, "
    "changed_position = CASE WHEN $5 = 0 THEN changed_position ELSE $5 END, body = $6 "
    "WHERE id = $1";
constexpr char kListDown[] = HEIM_MESSAGE_SELECT
    "WHERE m.channel_id = $1 AND m.seq < $2 AND m.seq >= $3 AND m.thread_id IS NULL "
    "ORDER BY m.seq DESC LIMIT $4";
constexpr char kListDownAll[] = HEIM_MESSAGE_SELECT
    "WHERE m.channel_id = $1 AND m.seq < $2 AND m.seq >= $3 "
    "ORDER BY m.seq DESC LIMIT $4";
constexpr char kListUp[] = HEIM_MESSAGE_SELECT
    "WHERE m.channel_id = $1 AND m.seq > $2 AND m.thread_id IS NULL ORDER BY m.seq LIMIT $3";
constexpr char kListUpAll[] =
    HEIM_MESSAGE_SELECT "WHERE m.channel_id = $1 AND m.seq > $2 ORDER BY m.seq LIMIT $3";
constexpr char kListThread[] =
    HEIM_MESSAGE_SELECT "WHERE m.thread_id = $1 AND m.seq > $2 ORDER BY m.seq LIMIT $3";

// The message without what the row's columns and the other tables hold.
std::string BodyOf(const v1::Message& message) {
  v1::Message body = message;
  body.clear_id();
  body.clear_channel_id();
  body.clear_thread_id();
  body.clear_actor();
  body.clear_seq();
  body.clear_reactions();
  body.clear_thread();
  body.clear_state();
  body.clear_client_id();
  body.clear_revision();
  body.clear_created_at();
  return body.SerializeAsString();
}

absl::StatusOr<v1::Message> ReadMessage(const SqlRow& row) {
  v1::Message message;
  HEIM_RETURN_IF_ERROR(ParseColumn(row, 8, &message));
  message.set_id(TextOf(row, 0));
  message.set_channel_id(TextOf(row, 1));
  message.set_seq(UintOf(row, 2));
  if (!row.IsNull(3)) message.set_thread_id(TextOf(row, 3));
  message.set_state(static_cast<v1::MessageState>(row.Int(4)));
  message.set_revision(static_cast<uint32_t>(row.Int(5)));
  *message.mutable_created_at() = TimestampOfMillis(row.Int(6));
  if (!row.IsNull(7)) message.set_client_id(TextOf(row, 7));
  if (!row.IsNull(kActorColumn)) ReadActorRef(row, kActorColumn, message.mutable_actor());
  if (row.IsNull(kThreadColumn)) return message;
  v1::ThreadSummary& thread = *message.mutable_thread();
  thread.set_reply_count(static_cast<uint32_t>(row.Int(kThreadColumn)));
  thread.set_last_reply_seq(UintOf(row, kThreadColumn + 1));
  *thread.mutable_last_reply_at() = TimestampOfMillis(row.Int(kThreadColumn + 2));
  for (const absl::string_view id :
       absl::StrSplit(ToAbsl(row.Text(kThreadColumn + 3)), ',', absl::SkipEmpty())) {
    thread.add_participant_ids(std::string(id));
  }
  return message;
}

// Two queries, whatever the length of the page.
absl::StatusOr<std::vector<v1::Message>> ReadMessages(SqlSession& session, std::string_view sql,
                                                      absl::Span<const SqlValue> parameters) {
  std::vector<v1::Message> messages;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    HEIM_ASSIGN_OR_RETURN(v1::Message message, ReadMessage(row));
    messages.push_back(std::move(message));
    return absl::OkStatus();
  }));
  HEIM_RETURN_IF_ERROR(FillReactions(session, absl::MakeSpan(messages)));
  return messages;
}

// What Update needs to know of the row before.
struct OldRow {
  std::string channel_id;
  uint64_t seq = 0;
  v1::MessageState state = v1::MESSAGE_STATE_UNSPECIFIED;
  uint32_t revision = 0;
  std::string body;
};

absl::StatusOr<OldRow> GetOldRow(SqlSession& session, const std::string& id) {
  OldRow old;
  HEIM_RETURN_IF_ERROR(
      QueryOne(session, kGetRow, {SqlText(id)}, MessageNotFound, [&](const SqlRow& row) {
        old.channel_id = TextOf(row, 0);
        old.seq = UintOf(row, 1);
        old.state = static_cast<v1::MessageState>(row.Int(2));
        old.revision = static_cast<uint32_t>(row.Int(3));
        old.body = std::string(row.Blob(4));
        return absl::OkStatus();
      }));
  return old;
}

absl::Status UpdateMentions(SqlSession& session, const v1::Message& message, const OldRow& old) {
  v1::Message before;
  if (!before.ParseFromString(old.body)) {
    return absl::InternalError("a stored message does not parse");
  }
  before.set_channel_id(old.channel_id);
  before.set_seq(old.seq);
  return UpdateMentionRows(session, before, message);
}

}  // namespace

absl::Status Messages::Insert(const v1::Message& message, const WorkspaceId& workspace,
                              uint64_t position) {
  const std::string body = BodyOf(message);
  const bool is_system = message.content_type() == v1::CONTENT_TYPE_SYSTEM;
  HEIM_ASSIGN_OR_RETURN(
      const int64_t inserted,
      session_->Execute(
          kInsert,
          {SqlText(message.id()), SqlText(message.channel_id()), SqlId(workspace),
           SqlInt(message.seq()), SqlText(message.actor().id()), SqlTextOrNull(message.thread_id()),
           SqlEnum(message.state()), SqlBool(is_system), SqlBool(message.has_deleted_at()),
           SqlInt(message.revision()), SqlTime(message.created_at()), SqlInt(position),
           SqlTextOrNull(message.client_id()), SqlBlob(body)}));
  if (inserted == 0) return ChannelNotFound();
  return InsertMentionRows(*session_, message);
}

absl::StatusOr<v1::Message> Messages::Get(const MessageId& id) {
  HEIM_ASSIGN_OR_RETURN(std::vector<v1::Message> found, ReadMessages(*session_, kGet, {SqlId(id)}));
  if (found.empty()) return MessageNotFound();
  return std::move(found.front());
}

absl::StatusOr<std::optional<v1::Message>> Messages::FindByClientId(const ActorId& author,
                                                                    std::string_view client_id) {
  HEIM_ASSIGN_OR_RETURN(
      std::vector<v1::Message> found,
      ReadMessages(*session_, kFindByClientId, {SqlId(author), SqlText(client_id)}));
  if (found.empty()) return std::optional<v1::Message>();
  return std::make_optional(std::move(found.front()));
}

absl::StatusOr<std::string> Messages::RequestHashOf(const MessageId& id) {
  std::string hash;
  HEIM_RETURN_IF_ERROR(
      QueryOne(*session_, kRequestHashOf, {SqlId(id)}, MessageNotFound, [&](const SqlRow& row) {
        if (!row.IsNull(0)) hash = std::string(row.Blob(0));
        return absl::OkStatus();
      }));
  return hash;
}

absl::Status Messages::SetRequestHash(const MessageId& id, std::string_view hash) {
  HEIM_ASSIGN_OR_RETURN(const int64_t changed,
                        session_->Execute(kSetRequestHash, {SqlId(id), SqlBlob(hash)}));
  return changed == 0 ? MessageNotFound() : absl::OkStatus();
}

absl::Status Messages::Update(const v1::Message& message, uint64_t position) {
  HEIM_ASSIGN_OR_RETURN(const OldRow old, GetOldRow(*session_, message.id()));
  const MessageId id(message.id());
  if (message.has_deleted_at()) {
    HEIM_RETURN_IF_ERROR(EraseVersions(id));
  } else if (message.revision() != old.revision && old.state != v1::MESSAGE_STATE_STREAMING) {
    HEIM_RETURN_IF_ERROR(KeepVersion(id, old.revision, old.body));
  }
  HEIM_RETURN_IF_ERROR(UpdateMentions(*session_, message, old));
  const std::string body = BodyOf(message);
  return session_
      ->Execute(kUpdate,
                {SqlText(message.id()), SqlEnum(message.state()), SqlBool(message.has_deleted_at()),
                 SqlInt(message.revision()), SqlInt(position), SqlBlob(body)})
      .status();
}

absl::StatusOr<std::vector<v1::Message>> Messages::List(const ChannelId& channel,
                                                        const MessagePage& page) {
  if (page.ascending) {
    const uint64_t after = std::max(page.after_seq, page.from_seq == 0 ? 0 : page.from_seq - 1);
    return ReadMessages(*session_, page.include_replies ? kListUpAll : kListUp,
                        {SqlId(channel), SqlInt(after), SqlInt(page.limit)});
  }
  constexpr auto kNewest = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  const uint64_t before = page.before_seq == 0 ? kNewest : std::min(page.before_seq, kNewest);
  return ReadMessages(*session_, page.include_replies ? kListDownAll : kListDown,
                      {SqlId(channel), SqlInt(before), SqlInt(page.from_seq), SqlInt(page.limit)});
}

absl::StatusOr<std::vector<v1::Message>> Messages::ListThread(const MessageId& root,
                                                              uint64_t after_seq, uint32_t limit) {
  return ReadMessages(*session_, kListThread, {SqlId(root), SqlInt(after_seq), SqlInt(limit)});
}

}  // namespace heim
