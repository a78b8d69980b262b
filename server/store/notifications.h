// Settings of what reaches whom, and who comes into question for a message. Rows and nothing else;
// rights are checked by services. A view over a transaction's session: cheap to copy, same thread
// as the transaction. Calls block on the database.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/actor.pb.h"
#include "heim/v1/message.pb.h"
#include "heim/v1/notification.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

// A channel or, with `thread_id`, one of its threads.
struct NotifiedPlace {
  ChannelId channel_id;
  std::string thread_id;
};

// A member of a channel with all that decides whether a message reaches it.
struct NotifiedMember {
  ActorId actor_id;
  v1::Presence chosen_presence = v1::PRESENCE_UNSPECIFIED;  // set by hand
  bool muted = false;                                       // the channel
  uint64_t joined_position = 0;
  v1::NotificationLevel channel_level = v1::NOTIFICATION_LEVEL_UNSPECIFIED;
  v1::NotificationLevel thread_level = v1::NOTIFICATION_LEVEL_UNSPECIFIED;
  v1::NotificationPreferences preferences;  // empty when it has none of its own
};

class Notifications {
 public:
  explicit Notifications(SqlSession& session) : session_(&session) {}

  // An empty message with revision 0 when the actor has set nothing yet.
  absl::StatusOr<v1::NotificationPreferences> Preferences(const WorkspaceId& workspace,
                                                          const ActorId& actor);
  absl::Status SetPreferences(const WorkspaceId& workspace, const ActorId& actor,
                              const v1::NotificationPreferences& preferences);

  // UNSPECIFIED when the place has no setting of its own.
  absl::StatusOr<v1::NotificationLevel> LevelOf(const ActorId& actor, const NotifiedPlace& place);
  // UNSPECIFIED removes the setting.
  absl::Status SetLevel(const WorkspaceId& workspace, const ActorId& actor,
                        const NotifiedPlace& place, v1::NotificationLevel level);
  absl::StatusOr<int64_t> CountLevels(const WorkspaceId& workspace, const ActorId& actor);
  // Of channels that the actor is in, by channel and thread, after the given place.
  absl::StatusOr<std::vector<v1::ChannelNotification>> Levels(const WorkspaceId& workspace,
                                                              const ActorId& actor,
                                                              const NotifiedPlace& after,
                                                              uint32_t limit);
  // Who leaves a channel leaves its settings for it and its threads behind.
  absl::Status ForgetChannel(const ChannelId& channel, const ActorId& actor);
  absl::Status ForgetChannel(const ChannelId& channel);
  absl::Status ForgetWorkspace(const WorkspaceId& workspace, const ActorId& actor);

  // Members of the channel who may want every message of the place, or who wait for words.
  absl::StatusOr<std::vector<ActorId>> ListenersTo(const WorkspaceId& workspace,
                                                   const NotifiedPlace& place);
  // Active members of the channel with their settings: all of them, or those named.
  absl::StatusOr<std::vector<NotifiedMember>> MembersOf(const WorkspaceId& workspace,
                                                        const NotifiedPlace& place);
  absl::StatusOr<std::vector<NotifiedMember>> MembersAmong(const WorkspaceId& workspace,
                                                           const NotifiedPlace& place,
                                                           const std::vector<ActorId>& actors);

  // Whom the versions of a message before the revision called.
  absl::StatusOr<std::vector<v1::Mention>> MentionsBefore(const MessageId& message,
                                                          uint32_t revision);

 private:
  SqlSession* session_;
};

}  // namespace heim
