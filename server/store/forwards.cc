#include "server/store/forwards.h"

#include "server/base/status_macros.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kAdd[] =
    "INSERT INTO message_forwards (original_id, message_id) VALUES ($1, $2) "
    "ON CONFLICT (original_id, message_id) DO NOTHING";
constexpr char kForget[] = "DELETE FROM message_forwards WHERE message_id = $1";
constexpr char kCopiesOf[] =
    "SELECT message_id FROM message_forwards WHERE original_id = $1 ORDER BY message_id LIMIT $2";
constexpr char kOrphans[] =
    "SELECT f.message_id FROM message_forwards f LEFT JOIN messages m ON m.id = f.original_id "
    "WHERE m.deleted = 1 OR (m.id IS NULL AND NOT EXISTS (SELECT 1 FROM import_ids i "
    "WHERE i.new_id = f.original_id AND i.done = 0)) ORDER BY f.message_id LIMIT $1";

absl::StatusOr<std::vector<MessageId>> ReadIds(SqlSession& session, std::string_view sql,
                                               absl::Span<const SqlValue> parameters) {
  std::vector<MessageId> ids;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    ids.emplace_back(row.Text(0));
    return absl::OkStatus();
  }));
  return ids;
}

}  // namespace

absl::Status Forwards::Add(const MessageId& original, const MessageId& copy) {
  return session_->Execute(kAdd, {SqlId(original), SqlId(copy)}).status();
}

absl::Status Forwards::Forget(const MessageId& copy) {
  return session_->Execute(kForget, {SqlId(copy)}).status();
}

absl::StatusOr<std::vector<MessageId>> Forwards::CopiesOf(const MessageId& original,
                                                          uint32_t limit) {
  return ReadIds(*session_, kCopiesOf, {SqlId(original), SqlInt(limit)});
}

absl::StatusOr<std::vector<MessageId>> Forwards::Orphans(uint32_t limit) {
  return ReadIds(*session_, kOrphans, {SqlInt(limit)});
}

}  // namespace heim
