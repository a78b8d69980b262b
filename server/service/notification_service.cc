#include "server/service/notification_service.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/keywords.h"
#include "server/model/limits.h"
#include "server/model/mask.h"
#include "server/model/page.h"
#include "server/model/quiet_hours.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/inbox_marks.h"
#include "server/service/membership.h"
#include "server/service/message_writes.h"

namespace heim {
namespace {

constexpr std::string_view kLevelsFilter = "channel_notifications";

InboxOwner OwnerOf(const Caller& caller) { return {caller.workspace_id, caller.actor_id}; }

// With defaults in place of what was never set.
absl::StatusOr<v1::NotificationPreferences> PreferencesOf(ReadTx& tx, const Caller& caller) {
  HEIM_ASSIGN_OR_RETURN(v1::NotificationPreferences preferences,
                        tx.notifications.Preferences(caller.workspace_id, caller.actor_id));
  if (preferences.level() == v1::NOTIFICATION_LEVEL_UNSPECIFIED) {
    preferences.set_level(v1::NOTIFICATION_LEVEL_MENTIONS);
  }
  if (preferences.revision() == 0) preferences.set_revision(1);
  return preferences;
}

constexpr std::array<std::string_view, 8> kPreferenceFields = {
    "level",           "keywords",         "quiet_hours.enabled",   "quiet_hours.start",
    "quiet_hours.end", "quiet_hours.days", "quiet_hours.time_zone", "snoozed_until"};

// The new values as they are to be kept; INVALID_ARGUMENT names the field. Quiet hours are checked
// as a whole with what is not changed; here their time zone is read from the disk.
absl::StatusOr<v1::NotificationPreferences> Checked(v1::NotificationPreferences preferences) {
  if (!v1::NotificationLevel_IsValid(preferences.level())) {
    return InvalidField("preferences.level", "all, mentions or none");
  }
  HEIM_ASSIGN_OR_RETURN(const std::vector<std::string> keywords,
                        NormalizeKeywords(preferences.keywords(), "preferences.keywords"));
  preferences.mutable_keywords()->Assign(keywords.begin(), keywords.end());
  v1::QuietHours hours = preferences.quiet_hours();
  hours.set_enabled(false);
  HEIM_RETURN_IF_ERROR(CheckQuietHours(hours, "preferences.quiet_hours"));
  if (preferences.has_snoozed_until()) {
    *preferences.mutable_snoozed_until() = ToTimestamp(FromTimestamp(preferences.snoozed_until()));
  }
  return preferences;
}

absl::Status EmitPreferences(WriteTx& tx, const Caller& caller, absl::Time at,
                             v1::PreferencesUpdated payload) {
  v1::Event event = ChannelEvent({caller.actor_id, at}, ChannelId());
  event.set_to_actor_id(caller.actor_id.str());
  *event.mutable_preferences_updated() = std::move(payload);
  return tx.Emit(caller.workspace_id, std::move(event)).status();
}

// Fills in the message as the caller may read it now; false when it may not.
absl::StatusOr<bool> FillMessage(ReadTx& tx, const Caller& caller, v1::InboxItem* item) {
  auto access = AccessMessage(tx, caller, MessageId(item->message_id()), Permission::kReadChannel);
  if (ReasonOf(access.status()) == v1::ERROR_REASON_MESSAGE_NOT_FOUND) return false;
  HEIM_RETURN_IF_ERROR(access.status());
  if (access->message.has_deleted_at()) return false;
  *item->mutable_message() = std::move(access->message);
  return true;
}

std::string FilterOf(const v1::ListInboxRequest& request) {
  return StrCat("inbox ", request.unseen() ? 1 : 0, " ", static_cast<int>(request.reason()));
}

absl::Status ReadInbox(ReadTx& tx, const Caller& caller, const v1::ListInboxRequest& request,
                       v1::ListInboxResponse* response) {
  HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kReadWorkspace));
  HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
  InboxFilter filter;
  filter.unseen = request.unseen();
  filter.reason = request.reason();
  filter.limit = limit + 1;
  if (!request.cursor().empty()) {
    HEIM_ASSIGN_OR_RETURN(filter.before_id, DecodeCursor(request.cursor(), FilterOf(request)));
  }
  HEIM_ASSIGN_OR_RETURN(std::vector<v1::InboxItem> items, tx.inbox.List(OwnerOf(caller), filter));
  if (items.size() > limit) {
    items.resize(limit);
    response->set_has_more(true);
    response->set_next_cursor(EncodeCursor(FilterOf(request), items.back().id()));
  }
  for (v1::InboxItem& item : items) {
    HEIM_ASSIGN_OR_RETURN(const bool shown, FillMessage(tx, caller, &item));
    if (shown) *response->add_items() = std::move(item);
  }
  HEIM_ASSIGN_OR_RETURN(const uint32_t unseen, tx.inbox.CountUnseen(OwnerOf(caller)));
  response->set_unseen_count(unseen);
  return absl::OkStatus();
}

// The thread of the request, which must lie in the channel; empty for the channel itself.
absl::StatusOr<NotifiedPlace> PlaceOf(ReadTx& tx, const ChannelAccess& access,
                                      const v1::SetChannelNotificationRequest& request) {
  NotifiedPlace place{ChannelId(request.channel_id()), {}};
  if (!request.has_thread_id()) return place;
  HEIM_ASSIGN_OR_RETURN(const MessageId root,
                        ThreadRoot(tx, access, MessageId(request.thread_id())));
  if (root.str() != request.thread_id()) return MessageNotFound();
  place.thread_id = root.str();
  return place;
}

absl::Status SetLevel(WriteTx& tx, const Caller& caller, absl::Time at,
                      const v1::SetChannelNotificationRequest& request,
                      v1::ChannelNotification* notification) {
  // Like read cursors it is a member's own.
  HEIM_ASSIGN_OR_RETURN(
      const ChannelAccess access,
      AccessChannel(tx, caller, ChannelId(request.channel_id()), Permission::kMarkRead));
  HEIM_ASSIGN_OR_RETURN(const NotifiedPlace place, PlaceOf(tx, access, request));
  notification->set_channel_id(place.channel_id.str());
  if (!place.thread_id.empty()) notification->set_thread_id(place.thread_id);
  notification->set_level(request.level());
  HEIM_ASSIGN_OR_RETURN(const v1::NotificationLevel before,
                        tx.notifications.LevelOf(caller.actor_id, place));
  if (before == request.level()) return absl::OkStatus();
  if (before == v1::NOTIFICATION_LEVEL_UNSPECIFIED) {
    HEIM_ASSIGN_OR_RETURN(const int64_t count,
                          tx.notifications.CountLevels(caller.workspace_id, caller.actor_id));
    if (count >= kChannelNotificationsMax) {
      return MakeError(v1::ERROR_REASON_LIMIT_REACHED,
                       StrCat("At most ", kChannelNotificationsMax,
                              " channels and threads have a setting of their own"));
    }
  }
  HEIM_RETURN_IF_ERROR(
      tx.notifications.SetLevel(caller.workspace_id, caller.actor_id, place, request.level()));
  v1::PreferencesUpdated payload;
  *payload.mutable_channel() = *notification;
  return EmitPreferences(tx, caller, at, std::move(payload));
}

}  // namespace

void NotificationService::ListInbox(CallContext& context, const v1::ListInboxRequest& request,
                                    Reply<v1::ListInboxResponse> reply) {
  v1::ListInboxResponse response;
  const absl::Status status =
      store_.Read([&](ReadTx& tx) { return ReadInbox(tx, context.caller, request, &response); });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void NotificationService::MarkInboxSeen(CallContext& context,
                                        const v1::MarkInboxSeenRequest& request,
                                        Reply<v1::MarkInboxSeenResponse> reply) {
  if ((request.item_ids_size() > 0) == request.has_seen_until()) {
    return reply(InvalidField("item_ids", "either item_ids or seen_until"));
  }
  CommitReply<v1::MarkInboxSeenResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::MarkInboxSeenResponse* response) -> absl::Status {
        HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
        const InboxOwner owner = OwnerOf(context.caller);
        const Acting acting{owner.actor_id, clock_.Now()};
        if (request.has_seen_until()) {
          HEIM_ASSIGN_OR_RETURN(const std::vector<std::string> seen,
                                tx.inbox.MarkSeenUntil(owner, request.seen_until(), acting.at));
          if (!seen.empty()) {
            HEIM_RETURN_IF_ERROR(EmitInboxSeenUntil(tx, acting, owner, request.seen_until()));
          }
        } else {
          const std::vector<std::string> ids(request.item_ids().begin(), request.item_ids().end());
          HEIM_ASSIGN_OR_RETURN(const std::vector<std::string> seen,
                                tx.inbox.MarkSeen(owner, ids, acting.at));
          HEIM_RETURN_IF_ERROR(EmitInboxSeen(tx, acting, owner, seen));
        }
        HEIM_ASSIGN_OR_RETURN(const uint32_t unseen, tx.inbox.CountUnseen(owner));
        response->set_unseen_count(unseen);
        return absl::OkStatus();
      });
}

void NotificationService::GetPreferences(CallContext& context, const v1::GetPreferencesRequest&,
                                         Reply<v1::GetPreferencesResponse> reply) {
  v1::GetPreferencesResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
    HEIM_ASSIGN_OR_RETURN(*response.mutable_preferences(), PreferencesOf(tx, context.caller));
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void NotificationService::UpdatePreferences(CallContext& context,
                                            const v1::UpdatePreferencesRequest& request,
                                            Reply<v1::UpdatePreferencesResponse> reply) {
  const auto mask = EffectiveMask(request.update_mask(), request.preferences(), kPreferenceFields);
  if (!mask.ok()) return reply(mask.status());
  v1::NotificationPreferences wanted;
  ApplyMask(*mask, request.preferences(), &wanted);
  const auto checked = Checked(std::move(wanted));
  if (!checked.ok()) return reply(checked.status());
  CommitReply<v1::UpdatePreferencesResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, mask = *mask, checked = *checked](
          WriteTx& tx, v1::UpdatePreferencesResponse* response) -> absl::Status {
        HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
        HEIM_ASSIGN_OR_RETURN(const v1::NotificationPreferences before,
                              PreferencesOf(tx, context.caller));
        if (request.has_expected_revision() && request.expected_revision() != before.revision()) {
          return RevisionConflict(before.revision());
        }
        v1::NotificationPreferences& preferences = *response->mutable_preferences();
        preferences = before;
        ApplyMask(mask, checked, &preferences);
        HEIM_RETURN_IF_ERROR(CheckQuietHours(preferences.quiet_hours(), "preferences.quiet_hours"));
        if (preferences.quiet_hours().ByteSizeLong() == 0) preferences.clear_quiet_hours();
        if (preferences.level() == v1::NOTIFICATION_LEVEL_UNSPECIFIED) {
          preferences.set_level(v1::NOTIFICATION_LEVEL_MENTIONS);
        }
        if (google::protobuf::util::MessageDifferencer::Equals(preferences, before)) {
          return absl::OkStatus();
        }
        preferences.set_revision(before.revision() + 1);
        HEIM_RETURN_IF_ERROR(tx.notifications.SetPreferences(context.caller.workspace_id,
                                                             context.caller.actor_id, preferences));
        v1::PreferencesUpdated payload;
        *payload.mutable_preferences() = preferences;
        return EmitPreferences(tx, context.caller, clock_.Now(), std::move(payload));
      });
}

void NotificationService::SetChannelNotification(CallContext& context,
                                                 const v1::SetChannelNotificationRequest& request,
                                                 Reply<v1::SetChannelNotificationResponse> reply) {
  if (!v1::NotificationLevel_IsValid(request.level())) {
    return reply(InvalidField("level", "all, mentions or none"));
  }
  CommitReply<v1::SetChannelNotificationResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::SetChannelNotificationResponse* response) {
        return SetLevel(tx, context.caller, clock_.Now(), request,
                        response->mutable_notification());
      });
}

void NotificationService::ListChannelNotifications(
    CallContext& context, const v1::ListChannelNotificationsRequest& request,
    Reply<v1::ListChannelNotificationsResponse> reply) {
  v1::ListChannelNotificationsResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    NotifiedPlace after;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(const std::string key, DecodeCursor(request.cursor(), kLevelsFilter));
      const std::pair<std::string, std::string> place =
          absl::StrSplit(key, absl::MaxSplits(' ', 1));
      after.channel_id = ChannelId(place.first);
      after.thread_id = place.second;
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::ChannelNotification> levels,
                          tx.notifications.Levels(context.caller.workspace_id,
                                                  context.caller.actor_id, after, limit + 1));
    if (levels.size() > limit) {
      levels.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(
          kLevelsFilter, StrCat(levels.back().channel_id(), " ", levels.back().thread_id())));
    }
    for (v1::ChannelNotification& level : levels) {
      *response.add_notifications() = std::move(level);
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

}  // namespace heim
