#include "server/store/event_log.h"

#include <utility>

#include "heim/v1/event.pb.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/event_type.h"
#include "server/store/logged_event.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kHead[] =
    "SELECT l.epoch, l.position, COALESCE((SELECT MIN(e.position) FROM event_log e "
    "WHERE e.workspace_id = $1), l.position + 1) FROM workspace_log l WHERE l.workspace_id = $1";
constexpr char kRead[] =
    "SELECT position, channel_id, to_actor_id, kind, payload FROM event_log "
    "WHERE workspace_id = $1 AND position > $2 ORDER BY position LIMIT $3";
constexpr char kPositionsOfMessage[] =
    "SELECT position FROM event_log WHERE message_id = $2 AND workspace_id = $1 "
    "UNION SELECT created_position FROM messages WHERE id = $2";
constexpr char kPayloadAt[] =
    "SELECT payload FROM event_log WHERE workspace_id = $1 AND position = $2";
constexpr char kSetPayload[] =
    "UPDATE event_log SET payload = $3 WHERE workspace_id = $1 AND position = $2";

// The message that the event carries whole; null when it carries none.
v1::Message* MessageIn(v1::Event* event) {
  switch (event->payload_case()) {
    case v1::Event::kMessageNew:
      return event->mutable_message_new()->mutable_message();
    case v1::Event::kMessageUpdated:
      return event->mutable_message_updated()->mutable_message();
    case v1::Event::kMessageDeleted:
      return event->mutable_message_deleted()->mutable_message();
    case v1::Event::kMessageStreamStart:
      return event->mutable_message_stream_start()->mutable_message();
    default:
      return nullptr;
  }
}

// Of the payload field with that number; empty when this program does not know it.
std::string WireTypeOfKind(int64_t kind) {
  const google::protobuf::FieldDescriptor* const field =
      v1::Event::descriptor()->FindFieldByNumber(static_cast<int>(kind));
  return field == nullptr ? std::string() : std::string(WireTypeOf(field));
}

absl::Status RewriteAt(SqlSession& session, const WorkspaceId& workspace, int64_t position,
                       const MessageId& id, absl::FunctionRef<void(v1::Message*)> rewrite) {
  v1::Event event;
  bool found = false;
  HEIM_RETURN_IF_ERROR(
      session.Query(kPayloadAt, {SqlId(workspace), SqlValue(position)}, [&](const SqlRow& row) {
        found = true;
        return ParseColumn(row, 0, &event);
      }));
  if (!found) return absl::OkStatus();
  v1::Message* message = MessageIn(&event);
  if (message == nullptr || message->id() != id.str()) return absl::OkStatus();
  rewrite(message);
  const std::string bytes = event.SerializeAsString();
  return session.Execute(kSetPayload, {SqlId(workspace), SqlValue(position), SqlBlob(bytes)})
      .status();
}

}  // namespace

std::string IndexedMessageOf(const v1::Event& event) {
  switch (event.payload_case()) {
    case v1::Event::kMessageNew:
      return event.message_new().message().has_stream_id() ? event.message_new().message().id()
                                                           : std::string();
    case v1::Event::kMessageUpdated:
      return event.message_updated().message().id();
    case v1::Event::kMessageDeleted:
      return event.message_deleted().message().id();
    case v1::Event::kMessageStreamStart:
      return event.message_stream_start().message().id();
    default:
      return {};
  }
}

absl::StatusOr<LogHead> EventLog::Head(const WorkspaceId& workspace) {
  LogHead head;
  HEIM_RETURN_IF_ERROR(
      QueryOne(*session_, kHead, {SqlId(workspace)}, WorkspaceNotFound, [&](const SqlRow& row) {
        head.epoch = TextOf(row, 0);
        head.position = UintOf(row, 1);
        head.oldest = UintOf(row, 2);
        return absl::OkStatus();
      }));
  return head;
}

absl::StatusOr<std::vector<LogEntry>> EventLog::Read(const WorkspaceId& workspace, uint64_t after,
                                                     uint32_t limit, size_t max_bytes) {
  std::vector<LogEntry> entries;
  size_t bytes = 0;
  bool full = false;
  const absl::Status status = session_->Query(
      kRead, {SqlId(workspace), SqlInt(after), SqlInt(limit)}, [&](const SqlRow& row) {
        LogEntry entry;
        entry.position = UintOf(row, 0);
        entry.channel_id = TextOf(row, 1);
        entry.to_actor_id = TextOf(row, 2);
        entry.type = WireTypeOfKind(row.Int(3));
        entry.bytes = std::string(row.Blob(4));
        bytes += entry.bytes.size();
        entries.push_back(std::move(entry));
        full = bytes >= max_bytes;
        return full ? absl::OutOfRangeError("enough") : absl::OkStatus();
      });
  if (!status.ok() && !full) return status;
  return entries;
}

absl::Status EventLog::ScrubMessage(const WorkspaceId& workspace, const v1::Message& tombstone) {
  return RewriteMessage(workspace, MessageId(tombstone.id()),
                        [&](v1::Message* message) { *message = tombstone; });
}

absl::Status EventLog::RewriteMessage(const WorkspaceId& workspace, const MessageId& id,
                                      absl::FunctionRef<void(v1::Message*)> rewrite) {
  std::vector<int64_t> positions;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kPositionsOfMessage, {SqlId(workspace), SqlId(id)}, [&](const SqlRow& row) {
        positions.push_back(row.Int(0));
        return absl::OkStatus();
      }));
  for (const int64_t position : positions) {
    HEIM_RETURN_IF_ERROR(RewriteAt(*session_, workspace, position, id, rewrite));
  }
  return absl::OkStatus();
}

}  // namespace heim
