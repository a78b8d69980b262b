#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/store/messages.h"
#include "server/store/reaction_groups.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kAdd[] =
    "INSERT INTO reactions (message_id, emoji, actor_id, place, created_at) "
    "VALUES ($1, $2, $3, "
    "(SELECT COALESCE(MAX(r.place), 0) + 1 FROM reactions r WHERE r.message_id = $1), $4) "
    "ON CONFLICT (message_id, emoji, actor_id) DO NOTHING";
constexpr char kRemove[] =
    "DELETE FROM reactions WHERE message_id = $1 AND emoji = $2 AND actor_id = $3";
constexpr char kRemoveAll[] = "DELETE FROM reactions WHERE message_id = $1";
constexpr char kCount[] = "SELECT COUNT(*) FROM reactions WHERE message_id = $1 AND emoji = $2";
constexpr char kKinds[] = "SELECT COUNT(DISTINCT emoji) FROM reactions WHERE message_id = $1";
constexpr char kList[] = "SELECT r.place, r.emoji, r.created_at, " HEIM_ACTOR_REF_COLUMNS
                         " FROM reactions r JOIN actors a ON a.id = r.actor_id "
                         "WHERE r.message_id = $1 AND ($2 = '' OR r.emoji = $2) AND r.place > $3 "
                         "ORDER BY r.place LIMIT $4";
constexpr char kGroups[] =
    "SELECT message_id, emoji, actor_id, total FROM (SELECT message_id, emoji, actor_id, place, "
    "ROW_NUMBER() OVER (PARTITION BY message_id, emoji ORDER BY place) AS nth, "
    "COUNT(*) OVER (PARTITION BY message_id, emoji) AS total, "
    "MIN(place) OVER (PARTITION BY message_id, emoji) AS oldest "
    "FROM reactions WHERE message_id IN ({list})) x "
    "WHERE nth <= 50 ORDER BY message_id, oldest, place";

}  // namespace

absl::StatusOr<bool> Reactions::Add(const MessageId& message, const ActorId& actor,
                                    std::string_view emoji, absl::Time at) {
  HEIM_ASSIGN_OR_RETURN(
      const int64_t changed,
      session_->Execute(kAdd, {SqlId(message), SqlText(emoji), SqlId(actor), SqlTime(at)}));
  return changed != 0;
}

absl::StatusOr<bool> Reactions::Remove(const MessageId& message, const ActorId& actor,
                                       std::string_view emoji) {
  HEIM_ASSIGN_OR_RETURN(const int64_t changed,
                        session_->Execute(kRemove, {SqlId(message), SqlText(emoji), SqlId(actor)}));
  return changed != 0;
}

absl::Status Reactions::RemoveAll(const MessageId& message) {
  return session_->Execute(kRemoveAll, {SqlId(message)}).status();
}

absl::StatusOr<uint32_t> Reactions::Count(const MessageId& message, std::string_view emoji) {
  HEIM_ASSIGN_OR_RETURN(const int64_t count,
                        QueryInt(*session_, kCount, {SqlId(message), SqlText(emoji)}));
  return static_cast<uint32_t>(count);
}

absl::StatusOr<uint32_t> Reactions::Kinds(const MessageId& message) {
  HEIM_ASSIGN_OR_RETURN(const int64_t kinds, QueryInt(*session_, kKinds, {SqlId(message)}));
  return static_cast<uint32_t>(kinds);
}

absl::StatusOr<std::vector<PlacedReaction>> Reactions::List(const MessageId& message,
                                                            std::string_view emoji,
                                                            uint64_t after_place, uint32_t limit) {
  std::vector<PlacedReaction> reactions;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kList, {SqlId(message), SqlText(emoji), SqlInt(after_place), SqlInt(limit)},
                      [&](const SqlRow& row) {
                        PlacedReaction& placed = reactions.emplace_back();
                        placed.place = UintOf(row, 0);
                        placed.reaction.set_emoji(TextOf(row, 1));
                        *placed.reaction.mutable_created_at() = TimestampOfMillis(row.Int(2));
                        ReadActorRef(row, 3, placed.reaction.mutable_actor());
                        return absl::OkStatus();
                      }));
  return reactions;
}

absl::Status FillReactions(SqlSession& session, absl::Span<v1::Message> messages) {
  absl::flat_hash_map<std::string, v1::Message*> by_id;
  std::vector<std::string_view> ids;
  ids.reserve(messages.size());
  for (v1::Message& message : messages) {
    by_id[message.id()] = &message;
    ids.push_back(message.id());
  }
  return QueryList(session, kGroups, {}, ids, [&](const SqlRow& row) {
    v1::Message& message = *by_id[ToAbsl(row.Text(0))];
    const std::string_view emoji = row.Text(1);
    const int last = message.reactions_size() - 1;
    v1::ReactionGroup* group = nullptr;
    if (last >= 0 && message.reactions(last).emoji() == emoji) {
      group = message.mutable_reactions(last);
    } else {
      group = message.add_reactions();
      group->set_emoji(std::string(emoji));
      group->set_count(static_cast<uint32_t>(row.Int(3)));
    }
    group->add_actor_ids(TextOf(row, 2));
    return absl::OkStatus();
  });
}

}  // namespace heim
