// Who needs to know, as a table: levels, muting, the strongest reason, and what is quiet.
#include "server/model/inbox_rules.h"

#include "gtest/gtest.h"
#include "server/model/time.h"

namespace heim {
namespace {

constexpr auto kAll = v1::NOTIFICATION_LEVEL_ALL;
constexpr auto kMentions = v1::NOTIFICATION_LEVEL_MENTIONS;
constexpr auto kNone = v1::NOTIFICATION_LEVEL_NONE;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

v1::InboxReason Reason(const MessageToReader& message, const ReaderSettings& settings) {
  const auto decision = DecideInbox(message, settings, kNow);
  return decision.has_value() ? decision->reason : v1::INBOX_REASON_UNSPECIFIED;
}

TEST(InboxRulesTest, TheStrongestReasonCounts) {
  MessageToReader message;
  ReaderSettings settings;
  EXPECT_EQ(Reason(message, settings), v1::INBOX_REASON_UNSPECIFIED);
  settings.channel_level = kAll;
  EXPECT_EQ(Reason(message, settings), v1::INBOX_REASON_CHANNEL_MESSAGE);
  message.keyword = true;
  EXPECT_EQ(Reason(message, settings), v1::INBOX_REASON_KEYWORD);
  message.followed = true;
  EXPECT_EQ(Reason(message, settings), v1::INBOX_REASON_THREAD_REPLY);
  message.direct = true;
  EXPECT_EQ(Reason(message, settings), v1::INBOX_REASON_DIRECT_MESSAGE);
  message.group_mentioned = true;
  EXPECT_EQ(Reason(message, settings), v1::INBOX_REASON_GROUP_MENTION);
  message.mentioned = true;
  EXPECT_EQ(Reason(message, settings), v1::INBOX_REASON_MENTION);
}

TEST(InboxRulesTest, TheNarrowestSettingCounts) {
  MessageToReader message;
  message.mentioned = true;
  ReaderSettings settings;
  settings.preferences.set_level(kNone);
  EXPECT_EQ(Reason(message, settings), v1::INBOX_REASON_UNSPECIFIED);
  settings.channel_level = kMentions;
  EXPECT_EQ(Reason(message, settings), v1::INBOX_REASON_MENTION);
  settings.thread_level = kNone;
  EXPECT_EQ(Reason(message, settings), v1::INBOX_REASON_UNSPECIFIED);
  settings.channel_level = kNone;
  settings.thread_level = kAll;
  message.mentioned = false;
  EXPECT_EQ(Reason(message, settings), v1::INBOX_REASON_THREAD_REPLY);
}

TEST(InboxRulesTest, AMutedChannelLetsOnlyMentionsByNameThroughQuietly) {
  ReaderSettings settings;
  settings.channel_muted = true;
  settings.channel_level = kAll;
  for (int reason = 0; reason < 5; ++reason) {
    MessageToReader message;
    message.group_mentioned = reason == 0;
    message.direct = reason == 1;
    message.followed = reason == 2;
    message.keyword = reason == 3;
    EXPECT_FALSE(DecideInbox(message, settings, kNow).has_value()) << reason;
  }
  MessageToReader message;
  message.mentioned = true;
  EXPECT_TRUE(DecideInbox(message, settings, kNow)->quiet);
  settings.thread_level = kAll;
  EXPECT_FALSE(DecideInbox(message, settings, kNow)->quiet);
  settings.thread_level = v1::NOTIFICATION_LEVEL_UNSPECIFIED;
  settings.channel_level = kNone;
  EXPECT_FALSE(DecideInbox(message, settings, kNow).has_value());
}

TEST(InboxRulesTest, AnEditNeedsNobodyButThoseWhomItMentions) {
  MessageToReader message;
  message.edited = message.direct = message.followed = message.keyword = true;
  ReaderSettings settings;
  settings.channel_level = kAll;
  EXPECT_EQ(Reason(message, settings), v1::INBOX_REASON_UNSPECIFIED);
  message.group_mentioned = true;
  EXPECT_EQ(Reason(message, settings), v1::INBOX_REASON_GROUP_MENTION);
}

TEST(InboxRulesTest, WhoDoesNotWantToBeDisturbedGetsItQuietly) {
  MessageToReader message;
  message.mentioned = true;
  ReaderSettings settings;
  EXPECT_FALSE(DecideInbox(message, settings, kNow)->quiet);
  for (const v1::Presence presence :
       {v1::PRESENCE_ONLINE, v1::PRESENCE_AWAY, v1::PRESENCE_OFFLINE}) {
    settings.chosen_presence = presence;
    EXPECT_FALSE(DecideInbox(message, settings, kNow)->quiet);
  }
  settings.chosen_presence = v1::PRESENCE_DND;
  EXPECT_TRUE(DecideInbox(message, settings, kNow)->quiet);
  settings.chosen_presence = v1::PRESENCE_UNSPECIFIED;
  *settings.preferences.mutable_snoozed_until() = ToTimestamp(kNow + absl::Seconds(1));
  EXPECT_TRUE(DecideInbox(message, settings, kNow)->quiet);
  *settings.preferences.mutable_snoozed_until() = ToTimestamp(kNow);
  EXPECT_FALSE(DecideInbox(message, settings, kNow)->quiet);
  v1::QuietHours& hours = *settings.preferences.mutable_quiet_hours();
  hours.set_enabled(true);
  hours.set_start("00:00");
  hours.set_end("00:00");
  hours.set_time_zone("UTC");
  EXPECT_TRUE(DecideInbox(message, settings, kNow)->quiet);
}

}  // namespace
}  // namespace heim
