#include "server/model/inbox_rules.h"

#include "server/model/quiet_hours.h"
#include "server/model/time.h"

namespace heim {
namespace {

v1::NotificationLevel LevelOf(const ReaderSettings& settings) {
  for (const v1::NotificationLevel level :
       {settings.thread_level, settings.channel_level, settings.preferences.level()}) {
    if (level != v1::NOTIFICATION_LEVEL_UNSPECIFIED) return level;
  }
  return v1::NOTIFICATION_LEVEL_MENTIONS;
}

v1::InboxReason StrongestReason(const MessageToReader& message, const ReaderSettings& settings) {
  if (message.mentioned) return v1::INBOX_REASON_MENTION;
  if (message.group_mentioned) return v1::INBOX_REASON_GROUP_MENTION;
  if (message.edited) return v1::INBOX_REASON_UNSPECIFIED;
  if (message.direct) return v1::INBOX_REASON_DIRECT_MESSAGE;
  if (message.followed || settings.thread_level == v1::NOTIFICATION_LEVEL_ALL) {
    return v1::INBOX_REASON_THREAD_REPLY;
  }
  if (message.keyword) return v1::INBOX_REASON_KEYWORD;
  if (LevelOf(settings) == v1::NOTIFICATION_LEVEL_ALL) return v1::INBOX_REASON_CHANNEL_MESSAGE;
  return v1::INBOX_REASON_UNSPECIFIED;
}

bool WantsQuiet(const ReaderSettings& settings, absl::Time at) {
  if (settings.chosen_presence == v1::PRESENCE_DND) return true;
  const v1::NotificationPreferences& preferences = settings.preferences;
  const bool snoozed =
      preferences.has_snoozed_until() && at < FromTimestamp(preferences.snoozed_until());
  return snoozed || IsQuietAt(preferences.quiet_hours(), at);
}

}  // namespace

std::optional<InboxDecision> DecideInbox(const MessageToReader& message,
                                         const ReaderSettings& settings, absl::Time at) {
  if (LevelOf(settings) == v1::NOTIFICATION_LEVEL_NONE) return std::nullopt;
  InboxDecision decision;
  decision.reason = StrongestReason(message, settings);
  const bool muted =
      settings.channel_muted && settings.thread_level == v1::NOTIFICATION_LEVEL_UNSPECIFIED;
  if (muted && decision.reason != v1::INBOX_REASON_MENTION) return std::nullopt;
  if (decision.reason == v1::INBOX_REASON_UNSPECIFIED) return std::nullopt;
  decision.quiet = muted || WantsQuiet(settings, at);
  return decision;
}

}  // namespace heim
