// How a scheduled message becomes a message: by its author's own hand, or at its time. Functions
// over a transaction; same thread as the transaction.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/hub/presence.h"
#include "server/model/caller.h"
#include "server/model/ids.h"
#include "server/service/channel_breaker.h"
#include "server/store/scheduled_messages.h"
#include "server/store/store.h"

namespace heim {

// Writes the change of a scheduled message, one revision further, and emits
// scheduled_message.updated to its author. `row` is then as stored.
absl::Status ChangeScheduled(WriteTx& tx, absl::Time at, ScheduledRow* row);

// Its text is no longer needed.
void ClearScheduledText(v1::ScheduledMessage* message);

struct SendingNow {
  absl::Time at;
  std::string message_id;                  // of the message that it becomes
  const PresenceBook* presence = nullptr;  // for @here, which calls nobody without it
  ChannelBreaker* breaker = nullptr;       // null: the channel is not limited
};

// Sends it as the author, with the author's rights of this moment, and marks it as sent, in one
// transaction. Fails as SendMessage does, and must then be undone. `row` is then as stored.
absl::Status SendScheduled(WriteTx& tx, const Caller& author, const SendingNow& now,
                           ScheduledRow* row);

// The author when nobody calls: with all that it may do. ACTOR_DEACTIVATED, also for an agent whose
// owner is; WORKSPACE_NOT_FOUND.
absl::StatusOr<Caller> AuthorOf(ReadTx& tx, const ScheduledRow& row);

// Sends one whose time has come; nothing when it is no longer due. Fails as SendScheduled and
// AuthorOf do, and must then be undone.
absl::Status SendDue(WriteTx& tx, const std::string& id, const SendingNow& now);

// Notes why one that is due could not be sent; nothing when it is no longer due.
absl::Status FailDue(WriteTx& tx, const std::string& id, absl::Time at, std::string_view code);

}  // namespace heim
