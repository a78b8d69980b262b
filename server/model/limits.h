// Every limit that a client can run into, with its unit. Constants only. docs/limits.md is made
// from this file by limits_test.cc (UPDATE_GOLDEN=1); GetServerInfo shows those that clients plan
// by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "heim/v1/options.pb.h"

namespace heim {

// --- Messages
// Text of a message, streamed or not.
inline constexpr size_t kMessageContentMaxBytes = 256u << 10;
// All parts of a message but their visible text: traces, tool calls, data.
inline constexpr size_t kMessageHiddenMaxBytes = 512u << 10;
inline constexpr size_t kMetadataMaxBytes = 64u << 10;
// Levels of nesting in metadata, config and settings.
inline constexpr int kMetadataMaxDepth = 16;
// Levels of nesting in any other free value.
inline constexpr int kValueMaxDepth = 64;
inline constexpr int kAttachmentsMax = 20;
inline constexpr int kPartsMax = 128;
// Mentions that are looked at in one text.
inline constexpr size_t kMentionsMax = 100;
inline constexpr uint32_t kReactionKindsMax = 50;
inline constexpr size_t kEmojiMaxBytes = 64;
// Actors named in a group of reactions, and in the summary of a thread.
inline constexpr int kReactionActorsShown = 50;
inline constexpr int kThreadParticipantsShown = 5;
inline constexpr size_t kClientIdMaxLength = 128;
// Drafts of an actor in a workspace.
inline constexpr int64_t kDraftsPerActorMax = 1'000;
// Messages of an actor that wait for their time.
inline constexpr int64_t kScheduledPendingMax = 200;
inline constexpr absl::Duration kScheduleAheadMin = absl::Seconds(10);
inline constexpr absl::Duration kScheduleAheadMax = absl::Hours(24 * 365);
// How long the record of a scheduled message stays after it was sent, failed or was cancelled.
inline constexpr absl::Duration kScheduledKept = absl::Hours(24 * 30);
// Of a channel.
inline constexpr int64_t kPinsMax = 100;
inline constexpr int64_t kBookmarksMax = 50;
// Of an actor in a workspace.
inline constexpr int64_t kSavedItemsMax = 10'000;
inline constexpr int kMessageBatchMax = 100;
// Earlier versions of a message that are kept.
inline constexpr uint32_t kMessageVersionsMax = 100;
// Forwarded copies that are erased in the commit that deletes the original; the others follow in
// commits of as many.
inline constexpr uint32_t kForwardsErasedAtOnce = 50;

// --- Threads, unread counts and groups
// Where the count of a channel's or a thread's unread messages ends.
inline constexpr uint32_t kUnreadCountMax = 1000;
// Threads whose cursors one MarkThreadsRead moves, and that one page of read states adds.
inline constexpr uint32_t kThreadsMarkedMax = 500;
inline constexpr uint32_t kUnreadThreadsShown = 1000;
inline constexpr int kUserGroupsMax = 500;
inline constexpr int kUserGroupMembersMax = 500;
// A mention of a group in a channel with more members must say that it is meant.
inline constexpr uint32_t kUnconfirmedMentionMembersMax = 200;

// --- Search
// Text of a message that is indexed; what comes after is not found.
inline constexpr size_t kSearchTextMaxBytes = 64u << 10;
// Words, phrases and filters of a query.
inline constexpr size_t kSearchTermsMax = 32;
// Letters that the beginning of a word must have.
inline constexpr size_t kSearchPrefixMinLength = 3;
// Messages that are ranked; of what more would be found, the newest.
inline constexpr uint32_t kSearchRankedMax = 10'000;
inline constexpr uint32_t kSearchPageDefault = 20;
inline constexpr uint32_t kSearchPageMax = 50;
inline constexpr size_t kSearchSnippetMaxLength = 240;
// How long a search waits for the index.
inline constexpr absl::Duration kSearchWaitMax = absl::Seconds(2);

// --- Requests
inline constexpr size_t kJsonBodyMaxBytes = 1u << 20;
inline constexpr int kJsonMaxDepth = 64;
// A WebSocket frame or a gRPC message from a client.
inline constexpr size_t kFrameMaxBytes = 1u << 20;
inline constexpr size_t kHeaderMaxBytes = 16u << 10;
inline constexpr size_t kIdempotencyKeyMaxBytes = 128;
inline constexpr absl::Duration kIdempotencyKept = absl::Hours(24);
inline constexpr uint32_t kPageDefault = 50;
inline constexpr uint32_t kPageMax = 200;
inline constexpr size_t kPageCursorMaxBytes = 512;
inline constexpr int kUpdateMaskMaxPaths = 64;
inline constexpr absl::Duration kDeadlineDefault = absl::Seconds(30);
// Longest wait of a poll for events.
inline constexpr absl::Duration kPollWaitMax = absl::Seconds(55);

// --- Events
inline constexpr size_t kSubscriptionChannelsMax = 10'000;
inline constexpr int kCommandsInFlightMax = 32;
inline constexpr size_t kLogCursorMaxBytes = 128;
// The log keeps whichever is more.
inline constexpr absl::Duration kLogRetention = absl::Hours(24 * 7);
inline constexpr int64_t kLogRetentionEvents = 1'000'000;
// Newest events of all workspaces that stay in memory.
inline constexpr size_t kEventsInMemory = 64u << 10;
inline constexpr size_t kEventsInMemoryBytes = 64u << 20;
// One response of a stream of events.
inline constexpr size_t kBatchMaxEvents = 256;
inline constexpr size_t kBatchMaxBytes = 64u << 10;
inline constexpr absl::Duration kHeartbeatAfter = absl::Seconds(15);
inline constexpr absl::Duration kWriteBlockedMax = absl::Seconds(30);
inline constexpr absl::Duration kTypingExpiresAfter = absl::Seconds(6);
// Presence set without an open session.
inline constexpr absl::Duration kPresenceLeaseByCall = absl::Seconds(120);
inline constexpr absl::Duration kOfflineGrace = absl::Seconds(30);

// --- Token streams
inline constexpr size_t kStreamAppendMaxBytes = 64u << 10;
inline constexpr int kStreamsPerActorMax = 64;
inline constexpr absl::Duration kStreamIdleMin = absl::Seconds(5);
inline constexpr absl::Duration kStreamIdleDefault = absl::Seconds(60);
inline constexpr absl::Duration kStreamIdleMax = absl::Hours(1);
// Acknowledgements of a WriteStream are gathered for this long.
inline constexpr absl::Duration kWriteStreamAckInterval = absl::Milliseconds(100);

// --- Accounts
inline constexpr size_t kUsernameMinLength = 2;
inline constexpr size_t kUsernameMaxLength = 32;
inline constexpr size_t kSlugMaxLength = 80;
inline constexpr size_t kPasswordMinLength = 8;
inline constexpr absl::Duration kSessionLifetime = absl::Hours(12);
inline constexpr absl::Duration kCookieLifetime = absl::Hours(24 * 30);
inline constexpr absl::Duration kTicketLifetime = absl::Seconds(60);
inline constexpr absl::Duration kPasswordResetLifetime = absl::Hours(24);
inline constexpr absl::Duration kInviteLifetimeDefault = absl::Hours(7 * 24);
inline constexpr absl::Duration kInviteLifetimeMax = absl::Hours(366 * 24);
// Invites of a workspace that can be used.
inline constexpr int kOpenInvitesMax = 1000;
inline constexpr int kInviteChannelsMax = 50;

// --- Notifications
inline constexpr uint32_t kInboxItemsMax = 1000;
inline constexpr absl::Duration kInboxKept = absl::Hours(24 * 90);
inline constexpr int kKeywordsMax = 50;
inline constexpr size_t kKeywordMaxLength = 64;
// Channels and threads with a setting of their own.
inline constexpr int64_t kChannelNotificationsMax = 1000;

// --- Server
// What calls and streams under way get when the server is told to stop.
inline constexpr absl::Duration kDrainTime = absl::Seconds(10);
inline constexpr int64_t kFileMaxBytesDefault = 100'000'000;

// A token bucket: `burst` calls at once, refilled steadily.
struct BucketRule {
  double refill_per_second;
  double burst;
};

// How wide the buckets are: HEIM_RATE_TIER.
enum class RateTier { kFree, kPro, kEnterprise };
constexpr double RateFactorOf(RateTier tier) {
  switch (tier) {
    case RateTier::kFree:
      return 0.2;
    case RateTier::kEnterprise:
      return 4;
    default:
      return 1;
  }
}
std::string_view RateTierName(RateTier tier);
// Nullopt for what is no tier's name.
std::optional<RateTier> RateTierOf(std::string_view name);
constexpr BucketRule Widened(BucketRule rule, double factor) {
  return {rule.refill_per_second * factor, rule.burst * factor};
}

// All keys and sessions of an actor together have this many times the bucket of one.
inline constexpr double kRateOfActor = 4;
// All calls from one address (of IPv6: one /64), whoever makes them, before it is known who.
inline constexpr BucketRule kRateOfAddress = {2000, 10'000};
// Messages and streams begun in one channel: by people, and apart from them by agents.
inline constexpr BucketRule kRateOfChannel = {50, 200};
// Log-ins and sign-ups from one address have this many times the bucket of AUTH: it stands for as
// many people as share it.
inline constexpr double kAuthOfAddress = 20;

// Of one key or session (AUTH: of one account and address) in the tier `pro`.
constexpr BucketRule BucketOf(v1::RateClass rate_class) {
  switch (rate_class) {
    case v1::RATE_CLASS_WRITE:
    case v1::RATE_CLASS_SEND:
      return {10, 50};
    case v1::RATE_CLASS_STREAM:
      return {200, 1000};
    case v1::RATE_CLASS_SEARCH:
    case v1::RATE_CLASS_ADMIN:
      return {5, 20};
    case v1::RATE_CLASS_UPLOAD:
      return {2, 20};
    case v1::RATE_CLASS_AUTH:
      return {10.0 / (15 * 60), 10};
    default:
      return {50, 200};
  }
}

// The table above for people, as docs/limits.md holds it.
std::string LimitsMarkdown();

}  // namespace heim
