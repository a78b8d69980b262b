// Whether a message needs a reader, and how loudly. Pure; any thread.
#pragma once

#include <optional>

#include "absl/time/time.h"
#include "heim/v1/actor.pb.h"
#include "heim/v1/notification.pb.h"

namespace heim {

// What a message is to one reader who may read it and did not write it.
struct MessageToReader {
  bool mentioned = false;        // by name
  bool group_mentioned = false;  // as one of a group, of the channel, of everybody
  bool direct = false;           // in a direct message
  bool followed = false;         // a reply to a thread that the reader follows
  bool keyword = false;
  bool edited = false;  // said again: only what is new in it counts, so never the whole channel
};

// What the reader has set for the place of the message.
struct ReaderSettings {
  v1::NotificationLevel thread_level = v1::NOTIFICATION_LEVEL_UNSPECIFIED;
  v1::NotificationLevel channel_level = v1::NOTIFICATION_LEVEL_UNSPECIFIED;
  bool channel_muted = false;
  v1::NotificationPreferences preferences;
  v1::Presence chosen_presence = v1::PRESENCE_UNSPECIFIED;  // by hand
};

struct InboxDecision {
  v1::InboxReason reason = v1::INBOX_REASON_UNSPECIFIED;
  bool quiet = false;
};

// nullopt: it does not need the reader. The setting of the thread counts before that of the
// channel, that before the preferences, and without any it is `mentions`. A muted channel lets
// nothing through but mentions by name, quietly, unless the thread has a setting of its own. Of
// several reasons the strongest counts.
std::optional<InboxDecision> DecideInbox(const MessageToReader& message,
                                         const ReaderSettings& settings, absl::Time at);

}  // namespace heim
