#include "server/store/scheduled_messages.h"

#include <string_view>
#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/store/file_refs.h"
#include "server/store/private_events.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

#define HEIM_SCHEDULED_COLUMNS \
  "id, channel_id, state, send_at, created_at, updated_at, revision, body"

constexpr char kInsert[] = "INSERT INTO scheduled_messages (" HEIM_SCHEDULED_COLUMNS
                           ", workspace_id, actor_id, position) "
                           "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
constexpr char kGet[] = "SELECT " HEIM_SCHEDULED_COLUMNS
                        ", workspace_id, actor_id, position "
                        "FROM scheduled_messages WHERE id = $1";
constexpr char kUpdate[] =
    "UPDATE scheduled_messages SET state = $2, send_at = $3, updated_at = $4, revision = $5, "
    "body = $6, position = $7 WHERE id = $1";
constexpr char kList[] =
    "SELECT " HEIM_SCHEDULED_COLUMNS
    " FROM scheduled_messages "
    "WHERE actor_id = $1 AND workspace_id = $2 AND (state = $3 OR state = $4) "
    "AND (CAST($5 AS TEXT) = '' OR channel_id = $5) AND (send_at, id) > ($6, $7) "
    "ORDER BY send_at, id LIMIT $8";
// 1 waits, 3 failed and may be given another time.
constexpr char kOpenOf[] = "SELECT " HEIM_SCHEDULED_COLUMNS
                           ", position FROM scheduled_messages "
                           "WHERE actor_id = $1 AND workspace_id = $2 AND state IN (1, 3) "
                           "ORDER BY send_at, id";
constexpr char kCountPending[] =
    "SELECT COUNT(*) FROM scheduled_messages WHERE actor_id = $1 AND state = 1";
constexpr char kNextDue[] = "SELECT MIN(send_at) FROM scheduled_messages WHERE state = 1";
constexpr char kDue[] =
    "SELECT id FROM scheduled_messages WHERE state = 1 AND send_at <= $1 "
    "ORDER BY send_at, id LIMIT $2";
constexpr char kEnded[] =
    "SELECT workspace_id, position, id FROM scheduled_messages "
    "WHERE state <> 1 AND updated_at < $1 ORDER BY updated_at, id LIMIT 20";
constexpr char kDelete[] = "DELETE FROM scheduled_messages WHERE id = $1";
constexpr char kPlacesOf[] =
    "SELECT workspace_id, position FROM scheduled_messages WHERE actor_id = $1";
constexpr char kPlacesIn[] =
    "SELECT workspace_id, position FROM scheduled_messages WHERE channel_id = $1";
constexpr char kDeleteOf[] = "DELETE FROM scheduled_messages WHERE actor_id = $1";
constexpr char kDeleteIn[] = "DELETE FROM scheduled_messages WHERE channel_id = $1";

static_assert(v1::SCHEDULED_STATE_PENDING == 1, "as the statements say");

std::string BodyOf(v1::ScheduledMessage message) {
  message.clear_id();
  message.clear_channel_id();
  message.clear_state();
  message.clear_send_at();
  message.clear_created_at();
  message.clear_updated_at();
  message.clear_revision();
  return message.SerializeAsString();
}

// From the first eight columns.
absl::Status ReadMessage(const SqlRow& row, v1::ScheduledMessage* message) {
  HEIM_RETURN_IF_ERROR(ParseColumn(row, 7, message));
  message->set_id(TextOf(row, 0));
  message->set_channel_id(TextOf(row, 1));
  message->set_state(static_cast<v1::ScheduledState>(row.Int(2)));
  *message->mutable_send_at() = TimestampOfMillis(row.Int(3));
  *message->mutable_created_at() = TimestampOfMillis(row.Int(4));
  *message->mutable_updated_at() = TimestampOfMillis(row.Int(5));
  message->set_revision(static_cast<uint32_t>(row.Int(6)));
  return absl::OkStatus();
}

// Takes the texts of what the query finds out of the log. `ids`, when given, is its third column.
absl::Status ScrubAll(SqlSession& session, std::string_view places, SqlValue key,
                      std::vector<std::string>* ids = nullptr) {
  std::vector<std::pair<WorkspaceId, uint64_t>> found;
  HEIM_RETURN_IF_ERROR(session.Query(places, {key}, [&](const SqlRow& row) {
    found.emplace_back(WorkspaceId(row.Text(0)), UintOf(row, 1));
    if (ids != nullptr) ids->push_back(TextOf(row, 2));
    return absl::OkStatus();
  }));
  for (const auto& [workspace, position] : found) {
    HEIM_RETURN_IF_ERROR(ScrubPrivateText(session, workspace, position));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ScheduledMessages::Insert(const ScheduledRow& row) {
  const v1::ScheduledMessage& message = row.message;
  const std::string body = BodyOf(message);
  return session_
      ->Execute(kInsert,
                {SqlText(message.id()), SqlText(message.channel_id()), SqlEnum(message.state()),
                 SqlTime(message.send_at()), SqlTime(message.created_at()),
                 SqlTime(message.updated_at()), SqlInt(message.revision()), SqlBlob(body),
                 SqlId(row.workspace), SqlId(row.actor), SqlInt(row.position)})
      .status();
}

absl::StatusOr<ScheduledRow> ScheduledMessages::Get(const std::string& id) {
  ScheduledRow found;
  HEIM_RETURN_IF_ERROR(QueryOne(
      *session_, kGet, {SqlText(id)},
      [] { return NotFound(v1::ERROR_REASON_SCHEDULED_MESSAGE_NOT_FOUND); },
      [&](const SqlRow& row) {
        found.workspace = WorkspaceId(row.Text(8));
        found.actor = ActorId(row.Text(9));
        found.position = UintOf(row, 10);
        return ReadMessage(row, &found.message);
      }));
  return found;
}

absl::Status ScheduledMessages::Update(const ScheduledRow& row) {
  const v1::ScheduledMessage& message = row.message;
  HEIM_ASSIGN_OR_RETURN(const ScheduledRow before, Get(message.id()));
  HEIM_RETURN_IF_ERROR(ScrubPrivateText(*session_, before.workspace, before.position));
  const std::string body = BodyOf(message);
  return session_
      ->Execute(kUpdate, {SqlText(message.id()), SqlEnum(message.state()),
                          SqlTime(message.send_at()), SqlTime(message.updated_at()),
                          SqlInt(message.revision()), SqlBlob(body), SqlInt(row.position)})
      .status();
}

absl::StatusOr<std::vector<v1::ScheduledMessage>> ScheduledMessages::List(
    const ScheduledPage& page) {
  const bool open = page.state == v1::SCHEDULED_STATE_UNSPECIFIED;
  const v1::ScheduledState first = open ? v1::SCHEDULED_STATE_PENDING : page.state;
  const v1::ScheduledState second = open ? v1::SCHEDULED_STATE_FAILED : page.state;
  std::vector<v1::ScheduledMessage> found;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kList,
      {SqlId(page.actor), SqlId(page.workspace), SqlEnum(first), SqlEnum(second),
       SqlText(page.channel), SqlValue(page.after_ms), SqlText(page.after_id), SqlInt(page.limit)},
      [&](const SqlRow& row) { return ReadMessage(row, &found.emplace_back()); }));
  return found;
}

absl::StatusOr<std::vector<ScheduledRow>> ScheduledMessages::WithFile(const WorkspaceId& workspace,
                                                                      const ActorId& actor,
                                                                      const FileId& file) {
  std::vector<ScheduledRow> found;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kOpenOf, {SqlId(actor), SqlId(workspace)}, [&](const SqlRow& row) {
        ScheduledRow scheduled{{}, workspace, actor, UintOf(row, 8)};
        HEIM_RETURN_IF_ERROR(ReadMessage(row, &scheduled.message));
        if (HasFile(scheduled.message.attachments(), file) ||
            HasFile(scheduled.message.parts(), file)) {
          found.push_back(std::move(scheduled));
        }
        return absl::OkStatus();
      }));
  return found;
}

absl::StatusOr<int64_t> ScheduledMessages::CountPending(const ActorId& actor) {
  return QueryInt(*session_, kCountPending, {SqlId(actor)});
}

absl::StatusOr<std::optional<absl::Time>> ScheduledMessages::NextDue() {
  std::optional<absl::Time> due;
  HEIM_RETURN_IF_ERROR(session_->Query(kNextDue, {}, [&](const SqlRow& row) {
    if (!row.IsNull(0)) due = TimeOfMillis(row.Int(0));
    return absl::OkStatus();
  }));
  return due;
}

absl::StatusOr<std::vector<std::string>> ScheduledMessages::Due(absl::Time now, uint32_t limit) {
  std::vector<std::string> ids;
  HEIM_RETURN_IF_ERROR(session_->Query(kDue, {SqlTime(now), SqlInt(limit)}, [&](const SqlRow& row) {
    ids.push_back(TextOf(row, 0));
    return absl::OkStatus();
  }));
  return ids;
}

absl::Status ScheduledMessages::ForgetEnded(absl::Time before) {
  std::vector<std::string> ids;
  HEIM_RETURN_IF_ERROR(ScrubAll(*session_, kEnded, SqlTime(before), &ids));
  for (const std::string& id : ids) {
    HEIM_RETURN_IF_ERROR(session_->Execute(kDelete, {SqlText(id)}).status());
  }
  return absl::OkStatus();
}

absl::Status ScheduledMessages::EraseOf(const ActorId& actor) {
  HEIM_RETURN_IF_ERROR(ScrubAll(*session_, kPlacesOf, SqlId(actor)));
  return session_->Execute(kDeleteOf, {SqlId(actor)}).status();
}

absl::Status ScheduledMessages::EraseIn(const ChannelId& channel) {
  HEIM_RETURN_IF_ERROR(ScrubAll(*session_, kPlacesIn, SqlId(channel)));
  return session_->Execute(kDeleteIn, {SqlId(channel)}).status();
}

}  // namespace heim
