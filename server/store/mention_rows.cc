#include "server/store/mention_rows.h"

#include <set>
#include <string>

#include "server/base/status_macros.h"
#include "server/store/sql_values.h"
#include "server/store/user_groups.h"

namespace heim {
namespace {

constexpr char kInsert[] =
    "INSERT INTO message_mentions (channel_id, actor_id, seq) VALUES ($1, $2, $3) "
    "ON CONFLICT (channel_id, actor_id, seq) DO NOTHING";
constexpr char kDelete[] =
    "DELETE FROM message_mentions WHERE channel_id = $1 AND actor_id = $2 AND seq = $3";
constexpr char kDeleteCalled[] =
    "DELETE FROM message_mentions WHERE channel_id = $1 AND seq = $2 AND actor_id IN "
    "(SELECT c.actor_id FROM group_calls c WHERE c.channel_id = $1 AND c.seq = $2)";
constexpr char kForgetCall[] =
    "DELETE FROM group_calls WHERE channel_id = $1 AND seq = $2 AND called_as = $3";
constexpr char kInsertCalled[] =
    "INSERT INTO message_mentions (channel_id, actor_id, seq) "
    "SELECT c.channel_id, c.actor_id, c.seq FROM group_calls c "
    "WHERE c.channel_id = $1 AND c.seq = $2 GROUP BY c.channel_id, c.actor_id, c.seq "
    "ON CONFLICT (channel_id, actor_id, seq) DO NOTHING";

struct Called {
  std::set<std::string> directly;  // actor ids, and '*'
  std::set<std::string> groups;    // ids, and `here`
  bool operator==(const Called&) const = default;
};

Called CalledBy(const v1::Message& message) {
  Called called;
  for (const v1::Mention& mention : message.mentions()) {
    switch (mention.type()) {
      case v1::MENTION_TYPE_ACTOR:
        called.directly.insert(mention.actor_id());
        break;
      case v1::MENTION_TYPE_GROUP:
        called.groups.insert(mention.group_id());
        break;
      case v1::MENTION_TYPE_HERE:
        called.groups.emplace(GroupCalls::kHere);
        break;
      default:
        called.directly.insert("*");
    }
  }
  return called;
}

absl::Status WriteRows(SqlSession& session, std::string_view sql, const v1::Message& message,
                       const std::set<std::string>& actors) {
  for (const std::string& actor : actors) {
    HEIM_RETURN_IF_ERROR(session.Execute(
        sql, {SqlText(message.channel_id()), SqlText(actor), SqlInt(message.seq())}));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status InsertMentionRows(SqlSession& session, const v1::Message& message) {
  return WriteRows(session, kInsert, message, CalledBy(message).directly);
}

absl::Status UpdateMentionRows(SqlSession& session, const v1::Message& before,
                               const v1::Message& after) {
  const Called was = CalledBy(before);
  const Called is = CalledBy(after);
  if (was == is) return absl::OkStatus();
  const SqlValue channel = SqlText(before.channel_id());
  const SqlValue seq = SqlInt(before.seq());
  HEIM_RETURN_IF_ERROR(WriteRows(session, kDelete, before, was.directly));
  if (!was.groups.empty()) {
    HEIM_RETURN_IF_ERROR(session.Execute(kDeleteCalled, {channel, seq}));
    for (const std::string& group : was.groups) {
      if (is.groups.count(group) != 0) continue;
      HEIM_RETURN_IF_ERROR(session.Execute(kForgetCall, {channel, seq, SqlText(group)}));
    }
    HEIM_RETURN_IF_ERROR(session.Execute(kInsertCalled, {channel, seq}));
  }
  return WriteRows(session, kInsert, before, is.directly);
}

}  // namespace heim
