// NotificationService: the inbox and its settings (proto/heim/v1/notification_service.proto says
// what each call needs, emits and fails with). What goes into the inbox is decided by a job
// (server/jobs/inbox_job.h). Owned by app. Thread-safe. Handlers run on the Executor; reads block
// for a bounded time.
#pragma once

#include "heim/v1/notification_service.pb.h"
#include "server/base/clock.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

class NotificationService {
 public:
  NotificationService(Store& store, Clock& clock) : store_(store), clock_(clock) {}

  void ListInbox(CallContext& context, const v1::ListInboxRequest& request,
                 Reply<v1::ListInboxResponse> reply);
  void MarkInboxSeen(CallContext& context, const v1::MarkInboxSeenRequest& request,
                     Reply<v1::MarkInboxSeenResponse> reply);
  void GetPreferences(CallContext& context, const v1::GetPreferencesRequest& request,
                      Reply<v1::GetPreferencesResponse> reply);
  void UpdatePreferences(CallContext& context, const v1::UpdatePreferencesRequest& request,
                         Reply<v1::UpdatePreferencesResponse> reply);
  void SetChannelNotification(CallContext& context,
                              const v1::SetChannelNotificationRequest& request,
                              Reply<v1::SetChannelNotificationResponse> reply);
  void ListChannelNotifications(CallContext& context,
                                const v1::ListChannelNotificationsRequest& request,
                                Reply<v1::ListChannelNotificationsResponse> reply);

 private:
  Store& store_;
  Clock& clock_;
};

}  // namespace heim
