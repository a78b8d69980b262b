#include "server/store/inbox.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kInsert[] =
    "INSERT INTO inbox (actor_id, workspace_id, id, reason, channel_id, thread_id, message_id, "
    "seq, position, created_at, seen_at, quiet) "
    "SELECT m.actor_id, $2, $3, $4, m.channel_id, $6, x.id, $8, $9, $10, "
    "CASE WHEN $11 = 1 AND x.seq <= CASE WHEN x.thread_id IS NULL THEN m.last_read_seq "
    "ELSE COALESCE(r.last_read_seq, 0) END THEN CAST($12 AS BIGINT) ELSE NULL END, $13 "
    "FROM channel_members m JOIN messages x ON x.id = $7 AND x.channel_id = m.channel_id "
    "AND x.deleted = 0 LEFT JOIN thread_reads r ON r.actor_id = m.actor_id "
    "AND r.root_id = x.thread_id "
    "WHERE m.channel_id = $5 AND m.actor_id = $1 AND m.joined_position < $9 "
    "ON CONFLICT (message_id, actor_id) DO NOTHING RETURNING seen_at";
constexpr char kTrim[] =
    "DELETE FROM inbox WHERE actor_id = $1 AND workspace_id = $2 AND id <= (SELECT i.id "
    "FROM inbox i WHERE i.actor_id = $1 AND i.workspace_id = $2 ORDER BY i.id DESC "
    "LIMIT 1 OFFSET $3) RETURNING id, seen_at";

// What the owner may still see: `i` is the item, `x` its message.
#define HEIM_INBOX_SHOWN                                                \
  "FROM inbox i JOIN channel_members m ON m.channel_id = i.channel_id " \
  "AND m.actor_id = i.actor_id JOIN messages x ON x.id = i.message_id AND x.deleted = 0 "
#define HEIM_INBOX_OWN "WHERE i.actor_id = $1 AND i.workspace_id = $2 "
constexpr char kList[] =
    "SELECT i.id, i.reason, i.channel_id, i.thread_id, i.message_id, i.created_at, i.seen_at, "
    "i.quiet, " HEIM_ACTOR_REF_COLUMNS " " HEIM_INBOX_SHOWN
    "LEFT JOIN actors a ON a.id = x.actor_id " HEIM_INBOX_OWN
    "AND ($3 = '' OR i.id < $3) AND ($4 = 0 OR i.seen_at IS NULL) "
    "AND ($5 = 0 OR i.reason = $5) ORDER BY i.id DESC LIMIT $6";
constexpr char kCountUnseen[] =
    "SELECT COUNT(*) " HEIM_INBOX_SHOWN HEIM_INBOX_OWN "AND i.seen_at IS NULL";

constexpr char kMarkSeen[] =
    "UPDATE inbox SET seen_at = $3 WHERE actor_id = $1 AND workspace_id = $2 "
    "AND seen_at IS NULL AND id IN ({list}) RETURNING id";
constexpr char kMarkSeenUntil[] =
    "UPDATE inbox SET seen_at = $4 WHERE actor_id = $1 AND workspace_id = $2 "
    "AND seen_at IS NULL AND id <= $3 RETURNING id";
constexpr char kMarkRead[] =
    "UPDATE inbox SET seen_at = $6 WHERE actor_id = $1 AND workspace_id = $2 "
    "AND seen_at IS NULL AND channel_id = $3 AND thread_id = $4 AND seq <= $5 RETURNING id";

constexpr char kOwnersByMessage[] = "SELECT actor_id FROM inbox WHERE message_id = $1";
constexpr char kOwnersByChannel[] = "SELECT DISTINCT actor_id FROM inbox WHERE channel_id = $1";
constexpr char kRemoveMessage[] =
    "DELETE FROM inbox WHERE actor_id = $1 AND workspace_id = $2 AND message_id = $3 "
    "RETURNING id, seen_at";
constexpr char kRemoveChannel[] =
    "DELETE FROM inbox WHERE actor_id = $1 AND workspace_id = $2 AND channel_id = $3 "
    "AND position < $4 RETURNING id, seen_at";
constexpr char kRemoveAll[] =
    "DELETE FROM inbox WHERE actor_id = $1 AND workspace_id = $2 AND position < $3 "
    "RETURNING id, seen_at";
constexpr char kOldest[] = "SELECT MIN(created_at) FROM inbox";
constexpr char kOwnersBefore[] =
    "SELECT DISTINCT workspace_id, actor_id FROM (SELECT i.workspace_id, i.actor_id FROM inbox i "
    "WHERE i.created_at < $1 ORDER BY i.created_at LIMIT $2) AS old";
constexpr char kRemoveBefore[] =
    "DELETE FROM inbox WHERE actor_id = $1 AND workspace_id = $2 AND created_at < $3 "
    "RETURNING id, seen_at";

absl::StatusOr<std::vector<RemovedItem>> Remove(SqlSession& session, std::string_view sql,
                                                absl::Span<const SqlValue> parameters) {
  std::vector<RemovedItem> removed;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    removed.push_back({TextOf(row, 0), !row.IsNull(1)});
    return absl::OkStatus();
  }));
  return removed;
}

absl::StatusOr<std::vector<std::string>> Ids(SqlSession& session, std::string_view sql,
                                             absl::Span<const SqlValue> parameters) {
  std::vector<std::string> ids;
  HEIM_RETURN_IF_ERROR(session.Query(sql, parameters, [&](const SqlRow& row) {
    ids.push_back(TextOf(row, 0));
    return absl::OkStatus();
  }));
  return ids;
}

absl::StatusOr<std::vector<ActorId>> Owners(SqlSession& session, std::string_view sql,
                                            std::string_view of) {
  HEIM_ASSIGN_OR_RETURN(const std::vector<std::string> ids, Ids(session, sql, {SqlText(of)}));
  return std::vector<ActorId>(ids.begin(), ids.end());
}

v1::InboxItem ReadItem(const SqlRow& row) {
  v1::InboxItem item;
  item.set_id(TextOf(row, 0));
  item.set_reason(static_cast<v1::InboxReason>(row.Int(1)));
  item.set_channel_id(TextOf(row, 2));
  if (!row.Text(3).empty()) item.set_thread_id(TextOf(row, 3));
  item.set_message_id(TextOf(row, 4));
  *item.mutable_created_at() = TimestampOfMillis(row.Int(5));
  if (!row.IsNull(6)) *item.mutable_seen_at() = TimestampOfMillis(row.Int(6));
  item.set_quiet(row.Int(7) != 0);
  if (!row.IsNull(8)) ReadActorRef(row, 8, item.mutable_actor());
  return item;
}

}  // namespace

absl::StatusOr<std::optional<v1::InboxItem>> Inbox::Insert(const InboxOwner& owner,
                                                           const NewInboxItem& added,
                                                           absl::Time now) {
  std::optional<v1::InboxItem> stored;
  const v1::InboxItem& item = added.item;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kInsert,
      {SqlId(owner.actor_id), SqlId(owner.workspace_id), SqlText(item.id()), SqlEnum(item.reason()),
       SqlText(item.channel_id()), SqlText(item.thread_id()), SqlText(item.message_id()),
       SqlInt(added.seq), SqlInt(added.position), SqlTime(item.created_at()),
       SqlBool(added.read_counts), SqlTime(now), SqlBool(item.quiet())},
      [&](const SqlRow& row) {
        stored = item;
        if (!row.IsNull(0)) *stored->mutable_seen_at() = TimestampOfMillis(row.Int(0));
        return absl::OkStatus();
      }));
  return stored;
}

absl::StatusOr<std::vector<RemovedItem>> Inbox::Trim(const InboxOwner& owner, uint32_t keep) {
  return Remove(*session_, kTrim, {SqlId(owner.actor_id), SqlId(owner.workspace_id), SqlInt(keep)});
}

absl::StatusOr<std::vector<v1::InboxItem>> Inbox::List(const InboxOwner& owner,
                                                       const InboxFilter& filter) {
  std::vector<v1::InboxItem> items;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kList,
                      {SqlId(owner.actor_id), SqlId(owner.workspace_id), SqlText(filter.before_id),
                       SqlBool(filter.unseen), SqlEnum(filter.reason), SqlInt(filter.limit)},
                      [&](const SqlRow& row) {
                        items.push_back(ReadItem(row));
                        return absl::OkStatus();
                      }));
  return items;
}

absl::StatusOr<uint32_t> Inbox::CountUnseen(const InboxOwner& owner) {
  HEIM_ASSIGN_OR_RETURN(
      const int64_t count,
      QueryInt(*session_, kCountUnseen, {SqlId(owner.actor_id), SqlId(owner.workspace_id)}));
  return static_cast<uint32_t>(count);
}

absl::StatusOr<std::vector<std::string>> Inbox::MarkSeen(const InboxOwner& owner,
                                                         const std::vector<std::string>& ids,
                                                         absl::Time at) {
  std::vector<std::string> seen;
  const std::vector<std::string_view> list(ids.begin(), ids.end());
  HEIM_RETURN_IF_ERROR(QueryList(*session_, kMarkSeen,
                                 {SqlId(owner.actor_id), SqlId(owner.workspace_id), SqlTime(at)},
                                 list, [&](const SqlRow& row) {
                                   seen.push_back(TextOf(row, 0));
                                   return absl::OkStatus();
                                 }));
  return seen;
}

absl::StatusOr<std::vector<std::string>> Inbox::MarkSeenUntil(const InboxOwner& owner,
                                                              std::string_view id, absl::Time at) {
  return Ids(*session_, kMarkSeenUntil,
             {SqlId(owner.actor_id), SqlId(owner.workspace_id), SqlText(id), SqlTime(at)});
}

absl::StatusOr<std::vector<std::string>> Inbox::MarkRead(const InboxOwner& owner,
                                                         const ChannelId& channel,
                                                         std::string_view thread_id, uint64_t seq,
                                                         absl::Time at) {
  return Ids(*session_, kMarkRead,
             {SqlId(owner.actor_id), SqlId(owner.workspace_id), SqlId(channel), SqlText(thread_id),
              SqlInt(seq), SqlTime(at)});
}

absl::StatusOr<std::vector<ActorId>> Inbox::OwnersByMessage(const MessageId& message) {
  return Owners(*session_, kOwnersByMessage, message.str());
}

absl::StatusOr<std::vector<ActorId>> Inbox::OwnersByChannel(const ChannelId& channel) {
  return Owners(*session_, kOwnersByChannel, channel.str());
}

absl::StatusOr<std::vector<RemovedItem>> Inbox::RemoveMessage(const InboxOwner& owner,
                                                              const MessageId& message) {
  return Remove(*session_, kRemoveMessage,
                {SqlId(owner.actor_id), SqlId(owner.workspace_id), SqlId(message)});
}

absl::StatusOr<std::vector<RemovedItem>> Inbox::RemoveChannel(const InboxOwner& owner,
                                                              const ChannelId& channel,
                                                              uint64_t position) {
  return Remove(
      *session_, kRemoveChannel,
      {SqlId(owner.actor_id), SqlId(owner.workspace_id), SqlId(channel), SqlInt(position)});
}

absl::StatusOr<std::vector<RemovedItem>> Inbox::RemoveAll(const InboxOwner& owner,
                                                          uint64_t position) {
  return Remove(*session_, kRemoveAll,
                {SqlId(owner.actor_id), SqlId(owner.workspace_id), SqlInt(position)});
}

absl::StatusOr<std::optional<absl::Time>> Inbox::OldestItem() {
  std::optional<absl::Time> oldest;
  HEIM_RETURN_IF_ERROR(session_->Query(kOldest, {}, [&](const SqlRow& row) {
    if (!row.IsNull(0)) oldest = TimeOfMillis(row.Int(0));
    return absl::OkStatus();
  }));
  return oldest;
}

absl::StatusOr<std::vector<InboxOwner>> Inbox::OwnersBefore(absl::Time before, uint32_t limit) {
  std::vector<InboxOwner> owners;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kOwnersBefore, {SqlTime(before), SqlInt(limit)}, [&](const SqlRow& row) {
        owners.push_back({WorkspaceId(row.Text(0)), ActorId(row.Text(1))});
        return absl::OkStatus();
      }));
  return owners;
}

absl::StatusOr<std::vector<RemovedItem>> Inbox::RemoveBefore(const InboxOwner& owner,
                                                             absl::Time before) {
  return Remove(*session_, kRemoveBefore,
                {SqlId(owner.actor_id), SqlId(owner.workspace_id), SqlTime(before)});
}

}  // namespace heim
