#include "server/store/notifications.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kPreferences[] =
    "SELECT body FROM notification_preferences WHERE actor_id = $1 AND workspace_id = $2";
constexpr char kSetPreferences[] =
    "INSERT INTO notification_preferences (actor_id, workspace_id, level, has_keywords, body) "
    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (actor_id, workspace_id) DO UPDATE SET "
    "level = excluded.level, has_keywords = excluded.has_keywords, body = excluded.body";
constexpr char kLevelOf[] =
    "SELECT level FROM channel_notifications "
    "WHERE actor_id = $1 AND channel_id = $2 AND thread_id = $3";
constexpr char kSetLevel[] =
    "INSERT INTO channel_notifications (actor_id, channel_id, thread_id, workspace_id, level) "
    "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (actor_id, channel_id, thread_id) DO UPDATE "
    "SET level = excluded.level";
constexpr char kRemoveLevel[] =
    "DELETE FROM channel_notifications "
    "WHERE actor_id = $1 AND channel_id = $2 AND thread_id = $3";
constexpr char kCountLevels[] =
    "SELECT COUNT(*) FROM channel_notifications WHERE actor_id = $1 AND workspace_id = $2";
constexpr char kLevels[] =
    "SELECT n.channel_id, n.thread_id, n.level FROM channel_notifications n "
    "JOIN channel_members m ON m.channel_id = n.channel_id AND m.actor_id = n.actor_id "
    "WHERE n.actor_id = $1 AND n.workspace_id = $2 AND (n.channel_id, n.thread_id) > ($3, $4) "
    "ORDER BY n.channel_id, n.thread_id LIMIT $5";
constexpr char kForgetChannel[] =
    "DELETE FROM channel_notifications WHERE actor_id = $1 AND channel_id = $2";
constexpr char kForgetAllOfChannel[] = "DELETE FROM channel_notifications WHERE channel_id = $1";
constexpr char kForgetLevels[] =
    "DELETE FROM channel_notifications WHERE actor_id = $1 AND workspace_id = $2";
constexpr char kForgetPreferences[] =
    "DELETE FROM notification_preferences WHERE actor_id = $1 AND workspace_id = $2";

// 1 is all; written out, so that the partial indexes are used.
constexpr char kListenersTo[] =
    "SELECT n.actor_id FROM channel_notifications n WHERE n.channel_id = $2 "
    "AND n.thread_id = '' AND n.level = 1 "
    "UNION SELECT n.actor_id FROM channel_notifications n WHERE n.channel_id = $2 "
    "AND n.thread_id = $3 AND n.level = 1 "
    "UNION SELECT p.actor_id FROM notification_preferences p JOIN channel_members m "
    "ON m.actor_id = p.actor_id AND m.channel_id = $2 "
    "WHERE p.workspace_id = $1 AND p.level = 1 "
    "UNION SELECT p.actor_id FROM notification_preferences p JOIN channel_members m "
    "ON m.actor_id = p.actor_id AND m.channel_id = $2 "
    "WHERE p.workspace_id = $1 AND p.has_keywords = 1";

constexpr char kVersionsBefore[] =
    "SELECT body FROM message_versions WHERE message_id = $1 AND revision < $2";

#define HEIM_NOTIFIED_SELECT                                                                 \
  "SELECT m.actor_id, a.presence, m.muted, m.joined_position, COALESCE(c.level, 0), "        \
  "COALESCE(t.level, 0), p.body FROM channel_members m "                                     \
  "JOIN actors a ON a.id = m.actor_id AND a.deleted_at IS NULL "                             \
  "JOIN workspace_members w ON w.workspace_id = $1 AND w.actor_id = m.actor_id "             \
  "LEFT JOIN channel_notifications c ON c.actor_id = m.actor_id "                            \
  "AND c.channel_id = m.channel_id AND c.thread_id = '' "                                    \
  "LEFT JOIN channel_notifications t ON t.actor_id = m.actor_id "                            \
  "AND t.channel_id = m.channel_id AND t.thread_id = $3 AND $3 <> '' "                       \
  "LEFT JOIN notification_preferences p ON p.actor_id = m.actor_id AND p.workspace_id = $1 " \
  "WHERE m.channel_id = $2 "
constexpr char kMembersOf[] = HEIM_NOTIFIED_SELECT;
constexpr char kMembersAmong[] = HEIM_NOTIFIED_SELECT "AND m.actor_id IN ({list})";

absl::StatusOr<NotifiedMember> ReadMember(const SqlRow& row) {
  NotifiedMember member;
  member.actor_id = ActorId(row.Text(0));
  member.chosen_presence = static_cast<v1::Presence>(row.Int(1));
  member.muted = row.Int(2) != 0;
  member.joined_position = UintOf(row, 3);
  member.channel_level = static_cast<v1::NotificationLevel>(row.Int(4));
  member.thread_level = static_cast<v1::NotificationLevel>(row.Int(5));
  if (!row.IsNull(6)) HEIM_RETURN_IF_ERROR(ParseColumn(row, 6, &member.preferences));
  return member;
}

}  // namespace

absl::StatusOr<v1::NotificationPreferences> Notifications::Preferences(const WorkspaceId& workspace,
                                                                       const ActorId& actor) {
  v1::NotificationPreferences preferences;
  HEIM_RETURN_IF_ERROR(
      session_->Query(kPreferences, {SqlId(actor), SqlId(workspace)},
                      [&](const SqlRow& row) { return ParseColumn(row, 0, &preferences); }));
  return preferences;
}

absl::Status Notifications::SetPreferences(const WorkspaceId& workspace, const ActorId& actor,
                                           const v1::NotificationPreferences& preferences) {
  const std::string body = preferences.SerializeAsString();
  return session_
      ->Execute(kSetPreferences, {SqlId(actor), SqlId(workspace), SqlEnum(preferences.level()),
                                  SqlBool(preferences.keywords_size() > 0), SqlBlob(body)})
      .status();
}

absl::StatusOr<v1::NotificationLevel> Notifications::LevelOf(const ActorId& actor,
                                                             const NotifiedPlace& place) {
  HEIM_ASSIGN_OR_RETURN(const int64_t level, QueryInt(*session_, kLevelOf,
                                                      {SqlId(actor), SqlId(place.channel_id),
                                                       SqlText(place.thread_id)}));
  return static_cast<v1::NotificationLevel>(level);
}

absl::Status Notifications::SetLevel(const WorkspaceId& workspace, const ActorId& actor,
                                     const NotifiedPlace& place, v1::NotificationLevel level) {
  if (level == v1::NOTIFICATION_LEVEL_UNSPECIFIED) {
    return session_
        ->Execute(kRemoveLevel, {SqlId(actor), SqlId(place.channel_id), SqlText(place.thread_id)})
        .status();
  }
  return session_
      ->Execute(kSetLevel, {SqlId(actor), SqlId(place.channel_id), SqlText(place.thread_id),
                            SqlId(workspace), SqlEnum(level)})
      .status();
}

absl::StatusOr<int64_t> Notifications::CountLevels(const WorkspaceId& workspace,
                                                   const ActorId& actor) {
  return QueryInt(*session_, kCountLevels, {SqlId(actor), SqlId(workspace)});
}

absl::StatusOr<std::vector<v1::ChannelNotification>> Notifications::Levels(
    const WorkspaceId& workspace, const ActorId& actor, const NotifiedPlace& after,
    uint32_t limit) {
  std::vector<v1::ChannelNotification> levels;
  HEIM_RETURN_IF_ERROR(session_->Query(kLevels,
                                       {SqlId(actor), SqlId(workspace), SqlId(after.channel_id),
                                        SqlText(after.thread_id), SqlInt(limit)},
                                       [&](const SqlRow& row) {
                                         v1::ChannelNotification& level = levels.emplace_back();
                                         level.set_channel_id(TextOf(row, 0));
                                         if (!row.Text(1).empty())
                                           level.set_thread_id(TextOf(row, 1));
                                         level.set_level(
                                             static_cast<v1::NotificationLevel>(row.Int(2)));
                                         return absl::OkStatus();
                                       }));
  return levels;
}

absl::Status Notifications::ForgetChannel(const ChannelId& channel, const ActorId& actor) {
  return session_->Execute(kForgetChannel, {SqlId(actor), SqlId(channel)}).status();
}

absl::Status Notifications::ForgetChannel(const ChannelId& channel) {
  return session_->Execute(kForgetAllOfChannel, {SqlId(channel)}).status();
}

absl::Status Notifications::ForgetWorkspace(const WorkspaceId& workspace, const ActorId& actor) {
  HEIM_RETURN_IF_ERROR(session_->Execute(kForgetLevels, {SqlId(actor), SqlId(workspace)}));
  return session_->Execute(kForgetPreferences, {SqlId(actor), SqlId(workspace)}).status();
}

absl::StatusOr<std::vector<ActorId>> Notifications::ListenersTo(const WorkspaceId& workspace,
                                                                const NotifiedPlace& place) {
  std::vector<ActorId> listeners;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kListenersTo, {SqlId(workspace), SqlId(place.channel_id), SqlText(place.thread_id)},
      [&](const SqlRow& row) {
        listeners.emplace_back(row.Text(0));
        return absl::OkStatus();
      }));
  return listeners;
}

absl::StatusOr<std::vector<NotifiedMember>> Notifications::MembersOf(const WorkspaceId& workspace,
                                                                     const NotifiedPlace& place) {
  std::vector<NotifiedMember> members;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kMembersOf, {SqlId(workspace), SqlId(place.channel_id), SqlText(place.thread_id)},
      [&](const SqlRow& row) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(NotifiedMember member, ReadMember(row));
        members.push_back(std::move(member));
        return absl::OkStatus();
      }));
  return members;
}

absl::StatusOr<std::vector<NotifiedMember>> Notifications::MembersAmong(
    const WorkspaceId& workspace, const NotifiedPlace& place, const std::vector<ActorId>& actors) {
  std::vector<std::string_view> ids;
  ids.reserve(actors.size());
  for (const ActorId& actor : actors) ids.push_back(actor.str());
  std::vector<NotifiedMember> members;
  HEIM_RETURN_IF_ERROR(
      QueryList(*session_, kMembersAmong,
                {SqlId(workspace), SqlId(place.channel_id), SqlText(place.thread_id)}, ids,
                [&](const SqlRow& row) -> absl::Status {
                  HEIM_ASSIGN_OR_RETURN(NotifiedMember member, ReadMember(row));
                  members.push_back(std::move(member));
                  return absl::OkStatus();
                }));
  return members;
}

absl::StatusOr<std::vector<v1::Mention>> Notifications::MentionsBefore(const MessageId& message,
                                                                       uint32_t revision) {
  std::vector<v1::Mention> mentions;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kVersionsBefore, {SqlId(message), SqlInt(revision)}, [&](const SqlRow& row) -> absl::Status {
        v1::Message version;
        HEIM_RETURN_IF_ERROR(ParseColumn(row, 0, &version));
        mentions.insert(mentions.end(), version.mentions().begin(), version.mentions().end());
        return absl::OkStatus();
      }));
  return mentions;
}

}  // namespace heim
