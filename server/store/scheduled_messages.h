// Scheduled messages: written now, sent later. Rows and nothing else; rights are checked by
// services.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/scheduled_message.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct ScheduledRow {
  v1::ScheduledMessage message;
  WorkspaceId workspace;
  ActorId actor;
  uint64_t position = 0;  // of the event that carries this text
};

// An actor's own, by the time they are sent.
struct ScheduledPage {
  ActorId actor;
  WorkspaceId workspace;
  v1::ScheduledState state = v1::SCHEDULED_STATE_UNSPECIFIED;  // unset: pending and failed
  std::string channel;                                         // empty: all
  // After this one.
  int64_t after_ms = 0;
  std::string after_id;
  uint32_t limit = 50;
};

class ScheduledMessages {
 public:
  explicit ScheduledMessages(SqlSession& session) : session_(&session) {}

  absl::Status Insert(const ScheduledRow& row);
  // SCHEDULED_MESSAGE_NOT_FOUND.
  absl::StatusOr<ScheduledRow> Get(const std::string& id);
  // Writes message and position; the text that it had before leaves the log.
  absl::Status Update(const ScheduledRow& row);
  absl::StatusOr<std::vector<v1::ScheduledMessage>> List(const ScheduledPage& page);
  // Those of the actor's that may still be sent and have the file.
  absl::StatusOr<std::vector<ScheduledRow>> WithFile(const WorkspaceId& workspace,
                                                     const ActorId& actor, const FileId& file);
  absl::StatusOr<int64_t> CountPending(const ActorId& actor);

  // Of those that wait: when the first is due, and which are, in order.
  absl::StatusOr<std::optional<absl::Time>> NextDue();
  absl::StatusOr<std::vector<std::string>> Due(absl::Time now, uint32_t limit);

  // Deletes a bounded number of those that ended before.
  absl::Status ForgetEnded(absl::Time before);
  // All of an actor, or in a channel, in the log too: the actor or the channel is gone.
  absl::Status EraseOf(const ActorId& actor);
  absl::Status EraseIn(const ChannelId& channel);

 private:
  SqlSession* session_;
};

}  // namespace heim
