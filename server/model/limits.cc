#include "server/model/limits.h"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/strings.h"
#include "server/model/people_limits.h"
#include "server/model/preview_limits.h"

namespace heim {
namespace {

std::string Bytes(size_t bytes) {
  if (bytes % (1u << 20) == 0) return absl::StrCat(bytes >> 20, " MiB");
  if (bytes % (1u << 10) == 0) return absl::StrCat(bytes >> 10, " KiB");
  return absl::StrCat(bytes, " bytes");
}

std::string Time(absl::Duration duration) {
  if (duration > absl::Hours(24) && duration % absl::Hours(24) == absl::ZeroDuration()) {
    return absl::StrCat(duration / absl::Hours(24), " days");
  }
  if (duration % absl::Hours(1) == absl::ZeroDuration()) {
    return absl::StrCat(duration / absl::Hours(1), " h");
  }
  if (duration % absl::Seconds(1) == absl::ZeroDuration()) {
    return absl::StrCat(duration / absl::Seconds(1), " s");
  }
  return absl::StrCat(duration / absl::Milliseconds(1), " ms");
}

struct Row {
  std::string_view what;
  std::string limit;
};

std::string Section(std::string_view title, const std::vector<Row>& rows) {
  std::string out = StrCat("\n## ", title, "\n\n| what | limit |\n|---|---|\n");
  for (const Row& row : rows) StrAppend(&out, "| ", row.what, " | ", row.limit, " |\n");
  return out;
}

std::string Search() {
  return Section("Search",
                 {{"text of a message that is found", Bytes(kSearchTextMaxBytes)},
                  {"words, phrases and filters of a query", absl::StrCat(kSearchTermsMax)},
                  {"letters before a `*`", absl::StrCat(kSearchPrefixMinLength)},
                  {"messages that are ranked, the newest", absl::StrCat(kSearchRankedMax)},
                  {"hits of a page: default", absl::StrCat(kSearchPageDefault)},
                  {"hits of a page: most", absl::StrCat(kSearchPageMax)},
                  {"characters of a snippet", absl::StrCat(kSearchSnippetMaxLength)},
                  {"wait for `min_position`", Time(kSearchWaitMax)}});
}

std::string Messages() {
  return Section("Messages",
                 {{"text of a message, streamed or not", Bytes(kMessageContentMaxBytes)},
                  {"all parts but their visible text", Bytes(kMessageHiddenMaxBytes)},
                  {"metadata, an agent's config, a workspace's settings", Bytes(kMetadataMaxBytes)},
                  {"levels of nesting in these", absl::StrCat(kMetadataMaxDepth)},
                  {"levels of nesting in other free values", absl::StrCat(kValueMaxDepth)},
                  {"attachments", absl::StrCat(kAttachmentsMax)},
                  {"parts", absl::StrCat(kPartsMax)},
                  {"mentions that are looked at", absl::StrCat(kMentionsMax)},
                  {"kinds of reactions on a message", absl::StrCat(kReactionKindsMax)},
                  {"an emoji", Bytes(kEmojiMaxBytes)},
                  {"actors shown of a reaction", absl::StrCat(kReactionActorsShown)},
                  {"participants shown of a thread", absl::StrCat(kThreadParticipantsShown)},
                  {"characters of `client_id`", absl::StrCat(kClientIdMaxLength)},
                  {"drafts of an actor in a workspace", absl::StrCat(kDraftsPerActorMax)},
                  {"scheduled messages of an actor that wait", absl::StrCat(kScheduledPendingMax)},
                  {"time until a scheduled message: least", Time(kScheduleAheadMin)},
                  {"time until a scheduled message: most", Time(kScheduleAheadMax)},
                  {"record of a scheduled message after its end", Time(kScheduledKept)},
                  {"pins of a channel", absl::StrCat(kPinsMax)},
                  {"bookmarks of a channel", absl::StrCat(kBookmarksMax)},
                  {"saved items of an actor in a workspace", absl::StrCat(kSavedItemsMax)},
                  {"messages of a batch", absl::StrCat(kMessageBatchMax)},
                  {"versions kept of a message", absl::StrCat(kMessageVersionsMax)},
                  {"copies erased together with a deleted original; the others follow in steps",
                   absl::StrCat(kForwardsErasedAtOnce)}});
}

std::string Threads() {
  return Section(
      "Threads, unread counts and groups",
      {{"where a count of unread messages ends", absl::StrCat(kUnreadCountMax)},
       {"threads that one call marks as read", absl::StrCat(kThreadsMarkedMax)},
       {"unread threads beside a page of read states", absl::StrCat(kUnreadThreadsShown)},
       {"user groups of a workspace", absl::StrCat(kUserGroupsMax)},
       {"members of a user group", absl::StrCat(kUserGroupMembersMax)},
       {"members of a channel where a mention of a group needs no confirmation",
        absl::StrCat(kUnconfirmedMentionMembersMax)}});
}

std::string Requests() {
  return Section("Requests", {{"JSON body", Bytes(kJsonBodyMaxBytes)},
                              {"levels of nesting in JSON", absl::StrCat(kJsonMaxDepth)},
                              {"WebSocket frame or gRPC message", Bytes(kFrameMaxBytes)},
                              {"header of a request", Bytes(kHeaderMaxBytes)},
                              {"`idempotency-key`", Bytes(kIdempotencyKeyMaxBytes)},
                              {"answers kept for a repeat", Time(kIdempotencyKept)},
                              {"items of a page: default", absl::StrCat(kPageDefault)},
                              {"items of a page: most", absl::StrCat(kPageMax)},
                              {"page cursor", Bytes(kPageCursorMaxBytes)},
                              {"paths of an update mask", absl::StrCat(kUpdateMaskMaxPaths)},
                              {"deadline of a call that names none", Time(kDeadlineDefault)},
                              {"wait of a poll for events", Time(kPollWaitMax)},
                              {"file, unless HEIM_MAX_FILE_SIZE says otherwise",
                               absl::StrCat(kFileMaxBytesDefault / 1'000'000, " MB")},
                              {"upload that nothing is linked to, unless "
                               "HEIM_FILE_UNLINKED_KEPT says otherwise",
                               Time(kUnlinkedFileKept)}});
}

std::string Events() {
  return Section("Events",
                 {{"channels named by a subscription", absl::StrCat(kSubscriptionChannelsMax)},
                  {"commands in flight on a socket", absl::StrCat(kCommandsInFlightMax)},
                  {"log kept: time", Time(kLogRetention)},
                  {"log kept: events, whichever is more", absl::StrCat(kLogRetentionEvents)},
                  {"newest events in memory", absl::StrCat(kEventsInMemory)},
                  {"newest events in memory: size", Bytes(kEventsInMemoryBytes)},
                  {"one batch: events", absl::StrCat(kBatchMaxEvents)},
                  {"one batch: size", Bytes(kBatchMaxBytes)},
                  {"silence before a heartbeat", Time(kHeartbeatAfter)},
                  {"a write that is stuck ends the connection after", Time(kWriteBlockedMax)},
                  {"typing expires after", Time(kTypingExpiresAfter)},
                  {"presence set without an open session", Time(kPresenceLeaseByCall)},
                  {"offline after the last session closed", Time(kOfflineGrace)}});
}

std::string Streams() {
  return Section("Token streams",
                 {{"one append", Bytes(kStreamAppendMaxBytes)},
                  {"open streams of an actor", absl::StrCat(kStreamsPerActorMax)},
                  {"idle time-out: least", Time(kStreamIdleMin)},
                  {"idle time-out: default", Time(kStreamIdleDefault)},
                  {"idle time-out: most", Time(kStreamIdleMax)},
                  {"acknowledgements are gathered for", Time(kWriteStreamAckInterval)}});
}

std::string Accounts() {
  return Section(
      "Accounts and sessions",
      {{"characters of a username", absl::StrCat(kUsernameMinLength, " to ", kUsernameMaxLength)},
       {"a username that was given up is kept from others for", Time(kFormerUsernameKept)},
       {"usernames kept for one actor", absl::StrCat(kFormerUsernamesMax)},
       {"characters of a channel's name or a slug", absl::StrCat(kSlugMaxLength)},
       {"characters of a password: least", absl::StrCat(kPasswordMinLength)},
       {"a login holds", Time(kSessionLifetime)},
       {"a cookie slides for", Time(kCookieLifetime)},
       {"a ticket holds", Time(kTicketLifetime)},
       {"a link to reset a password holds", Time(kPasswordResetLifetime)},
       {"an invite holds, unless it says otherwise", Time(kInviteLifetimeDefault)},
       {"an invite holds: most", Time(kInviteLifetimeMax)},
       {"channels named by an invite", absl::StrCat(kInviteChannelsMax)},
       {"invites of a workspace that can be used", absl::StrCat(kOpenInvitesMax)},
       {"keys of an agent that work at a time", absl::StrCat(kAgentKeysMax)},
       {"a replaced key goes on for: default", Time(kKeyOverlapDefault)},
       {"a replaced key goes on for: most", Time(kKeyOverlapMax)},
       {"calls under way at shutdown get", Time(kDrainTime)}});
}

std::string Notifications() {
  return Section("Notifications",
                 {{"items of an inbox, the newest", absl::StrCat(kInboxItemsMax)},
                  {"items are kept for", Time(kInboxKept)},
                  {"keywords", absl::StrCat(kKeywordsMax)},
                  {"characters of a keyword", absl::StrCat(kKeywordMaxLength)},
                  {"channels and threads with a setting", absl::StrCat(kChannelNotificationsMax)}});
}

void AppendRate(std::string_view what, const BucketRule& rule, std::string* out) {
  absl::StrAppendFormat(out, "| %s | %.4g | %.6g |\n", std::string(what), rule.refill_per_second,
                        rule.burst);
}

std::string Pictures() {
  return Section("Pictures",
                 {{"file of an actor's picture", Bytes(kImageMaxBytes)},
                  {"file of an emoji", Bytes(kEmojiImageMaxBytes)},
                  {"pixels of a picture", absl::StrCat(kImageMaxPixels)},
                  {"side of an actor's picture as kept",
                   absl::StrCat(kAvatarPixels, " and ", kSmallAvatarPixels, " px")},
                  {"file that gets a preview", Bytes(kPreviewSourceMaxBytes)},
                  {"longer side of a preview", absl::StrCat(kPreviewPixels, " px")},
                  {"side of an emoji as kept", absl::StrCat(kEmojiPixels, " px")},
                  {"emoji of a workspace", absl::StrCat(kCustomEmojiMax)},
                  {"characters of an emoji's name", absl::StrCat(kCustomEmojiNameMaxLength)}});
}

std::string LinkPreviews() {
  return Section("Link previews",
                 {{"links of a message", absl::StrCat(kPreviewLinksMax)},
                  {"link", Bytes(kPreviewLinkMaxBytes)},
                  {"what is read of a page", Bytes(kPreviewPageMaxBytes)},
                  {"file of its picture", Bytes(kPreviewImageMaxBytes)},
                  {"pixels of its picture", absl::StrCat(kPreviewImageMaxPixels)},
                  {"time for a page, and for its picture", Time(kPreviewPageTimeout)},
                  {"time for all pages of a message", Time(kPreviewMessageTime)},
                  {"a message is looked at within", Time(kPreviewLate)},
                  {"longer side of the picture as kept", absl::StrCat(kPreviewImagePixels, " px")},
                  {"characters of title, description, site's name",
                   absl::StrCat(kPreviewTitleMaxLength, ", ", kPreviewDescriptionMaxLength, ", ",
                                kPreviewSiteMaxLength)},
                  {"a page is not asked again for", Time(kPreviewPageKept)},
                  {"one that said nothing for", Time(kPreviewFailureKept)},
                  {"pages kept of a workspace", absl::StrCat(kPreviewPagesPerWorkspace)},
                  {"domains in `allow` and in `deny`", absl::StrCat(kPreviewDomainsMax)}});
}

std::string Rates() {
  std::string out =
      "\n## Rates\n\nToken buckets, in the tier pro (HEIM_RATE_TIER); HEIM_RATE_LIMITS=off "
      "switches "
      "them off. Each class is one of a key or session; `auth` counts tries of one account and "
      "address.\n\n| class | refill per second | burst |\n|---|---|---|\n";
  const google::protobuf::EnumDescriptor* classes = v1::RateClass_descriptor();
  for (int i = 0; i < classes->value_count(); ++i) {
    const auto* value = classes->value(i);
    if (value->number() == v1::RATE_CLASS_UNSPECIFIED) continue;
    const BucketRule rule = BucketOf(static_cast<v1::RateClass>(value->number()));
    const std::string name = absl::AsciiStrToLower(value->name().substr(sizeof("RATE_CLASS_") - 1));
    AppendRate(name, rule, &out);
  }
  out += "\n| beside them | refill per second | burst |\n|---|---|---|\n";
  AppendRate("all calls from one address but loopback", kRateOfAddress, &out);
  AppendRate("`auth` from one address but loopback",
             Widened(BucketOf(v1::RATE_CLASS_AUTH), kAuthOfAddress), &out);
  AppendRate("messages and streams begun in a channel by people, and by agents", kRateOfChannel,
             &out);
  absl::StrAppendFormat(
      &out,
      "\nAll keys and sessions of an actor together have %g times the bucket of one. "
      "Tiers: free has %g of these buckets, enterprise %g times as much; `auth` is "
      "the same in all.\n",
      kRateOfActor, RateFactorOf(RateTier::kFree), RateFactorOf(RateTier::kEnterprise));
  return out;
}

constexpr std::array<std::pair<RateTier, std::string_view>, 3> kTiers = {
    {{RateTier::kFree, "free"}, {RateTier::kPro, "pro"}, {RateTier::kEnterprise, "enterprise"}}};

}  // namespace

std::string_view RateTierName(RateTier tier) {
  for (const auto& [known, name] : kTiers) {
    if (known == tier) return name;
  }
  return "";
}

std::optional<RateTier> RateTierOf(std::string_view name) {
  for (const auto& [tier, known] : kTiers) {
    if (known == name) return tier;
  }
  return std::nullopt;
}

std::string LimitsMarkdown() {
  return absl::StrCat("# Limits\n\nMade from `server/model/limits.h`; do not edit.\n", Messages(),
                      Search(), Threads(), Requests(), Events(), Streams(), Accounts(),
                      Notifications(), Pictures(), LinkPreviews(), Rates());
}

}  // namespace heim
