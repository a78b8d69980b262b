#include "server/store/saved_items.h"

#include <limits>
#include <utility>

#include "server/base/status_macros.h"
#include "server/store/private_events.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

#define HEIM_SAVED_SELECT "SELECT message_id, channel_id, saved_at, done_at, note FROM saved_items "

constexpr char kPut[] =
    "INSERT INTO saved_items (actor_id, message_id, workspace_id, channel_id, saved_at, done_at, "
    "note, position) VALUES ($1, $2, $3, $4, $5, $6, $7, "
    "(SELECT l.position + 1 FROM workspace_log l WHERE l.workspace_id = $3)) "
    "ON CONFLICT (actor_id, message_id) DO UPDATE SET "
    "done_at = excluded.done_at, note = excluded.note, position = excluded.position";
constexpr char kNoteOf[] =
    "SELECT workspace_id, position FROM saved_items "
    "WHERE actor_id = $1 AND message_id = $2 AND workspace_id = $3 AND note <> ''";
constexpr char kNotesOn[] =
    "SELECT workspace_id, position FROM saved_items WHERE message_id = $1 AND note <> ''";
constexpr char kFind[] = HEIM_SAVED_SELECT "WHERE actor_id = $1 AND message_id = $2";
constexpr char kRemove[] =
    "DELETE FROM saved_items WHERE actor_id = $1 AND message_id = $2 AND workspace_id = $3";
constexpr char kRemoveAll[] = "DELETE FROM saved_items WHERE message_id = $1";
constexpr char kCount[] =
    "SELECT COUNT(*) FROM saved_items WHERE actor_id = $1 AND workspace_id = $2";
// $5: 0 all, 1 not done, 2 done.
constexpr char kList[] = HEIM_SAVED_SELECT
    "WHERE actor_id = $1 AND workspace_id = $2 AND (saved_at, message_id) < ($3, $4) "
    "AND ($5 = 0 OR ($5 = 1 AND done_at = 0) OR ($5 = 2 AND done_at <> 0)) "
    "ORDER BY saved_at DESC, message_id DESC LIMIT $6";

absl::StatusOr<std::vector<v1::SavedItem>> ReadItems(SqlSession& session, std::string_view sql,
                                                     absl::Span<const SqlValue> parameters) {
  std::vector<v1::SavedItem> items;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    v1::SavedItem& item = items.emplace_back();
    item.set_message_id(TextOf(row, 0));
    item.set_channel_id(TextOf(row, 1));
    *item.mutable_saved_at() = TimestampOfMillis(row.Int(2));
    if (row.Int(3) != 0) *item.mutable_done_at() = TimestampOfMillis(row.Int(3));
    item.set_note(TextOf(row, 4));
    return absl::OkStatus();
  }));
  return items;
}

// Takes the notes that these rows stand for out of the log: a note that is replaced, or goes with
// its item, is not read there any more.
absl::Status ScrubNotes(SqlSession& session, std::string_view sql,
                        absl::Span<const SqlValue> parameters) {
  std::vector<std::pair<WorkspaceId, uint64_t>> found;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    found.emplace_back(row.Text(0), UintOf(row, 1));
    return absl::OkStatus();
  }));
  for (const auto& [workspace, position] : found) {
    HEIM_RETURN_IF_ERROR(ScrubPrivateText(session, workspace, position));
  }
  return absl::OkStatus();
}

}  // namespace

// The event that carries the note is the next of the workspace.
absl::Status SavedItems::Put(const SavedOwner& owner, const v1::SavedItem& item) {
  HEIM_RETURN_IF_ERROR(
      ScrubNotes(*session_, kNoteOf,
                 {SqlId(owner.actor), SqlText(item.message_id()), SqlId(owner.workspace)}));
  return session_
      ->Execute(kPut, {SqlId(owner.actor), SqlText(item.message_id()), SqlId(owner.workspace),
                       SqlText(item.channel_id()), SqlTime(item.saved_at()),
                       SqlTime(item.done_at()), SqlText(item.note())})
      .status();
}

absl::StatusOr<std::optional<v1::SavedItem>> SavedItems::Find(const ActorId& actor,
                                                              const MessageId& message) {
  HEIM_ASSIGN_OR_RETURN(std::vector<v1::SavedItem> items,
                        ReadItems(*session_, kFind, {SqlId(actor), SqlId(message)}));
  if (items.empty()) return std::optional<v1::SavedItem>();
  return std::make_optional(std::move(items.front()));
}

absl::StatusOr<bool> SavedItems::Remove(const SavedOwner& owner, const MessageId& message) {
  HEIM_RETURN_IF_ERROR(
      ScrubNotes(*session_, kNoteOf, {SqlId(owner.actor), SqlId(message), SqlId(owner.workspace)}));
  HEIM_ASSIGN_OR_RETURN(
      const int64_t removed,
      session_->Execute(kRemove, {SqlId(owner.actor), SqlId(message), SqlId(owner.workspace)}));
  return removed != 0;
}

absl::Status SavedItems::RemoveAll(const MessageId& message) {
  HEIM_RETURN_IF_ERROR(ScrubNotes(*session_, kNotesOn, {SqlId(message)}));
  return session_->Execute(kRemoveAll, {SqlId(message)}).status();
}

absl::StatusOr<int64_t> SavedItems::Count(const SavedOwner& owner) {
  return QueryInt(*session_, kCount, {SqlId(owner.actor), SqlId(owner.workspace)});
}

absl::StatusOr<std::vector<v1::SavedItem>> SavedItems::List(const SavedOwner& owner,
                                                            const SavedFilter& filter) {
  const bool first = filter.before_message_id.empty();
  const int64_t before = first ? std::numeric_limits<int64_t>::max() : filter.before_saved_at_ms;
  const int64_t done = filter.done.has_value() ? (*filter.done ? 2 : 1) : 0;
  return ReadItems(*session_, kList,
                   {SqlId(owner.actor), SqlId(owner.workspace), SqlValue(before),
                    SqlText(filter.before_message_id), SqlValue(done), SqlInt(filter.limit)});
}

}  // namespace heim
