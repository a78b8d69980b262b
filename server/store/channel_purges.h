// Channels that were deleted and of which rows are left. Nobody can reach those any more: what
// leads to them, the channel's own row, is gone. They are erased in bounded steps, so that the
// writer serves others between them; a restart goes on where they stood.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "absl/status/statusor.h"
#include "heim/v1/channel.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct ChannelPurge {
  enum class Stage { kMessages = 0, kLog = 1, kRest = 2 };

  ChannelId channel_id;
  WorkspaceId workspace_id;
  uint64_t deleted_position = 0;  // of its channel.deleted
  Stage stage = Stage::kMessages;
  uint64_t scrubbed = 0;  // the log is scrubbed up to here
};

class ChannelPurges {
 public:
  explicit ChannelPurges(SqlSession& session) : session_(&session) {}

  // Deletes the channel with its members and names, ends their memberships at `position` (of its
  // channel.deleted), and remembers that the rest is to be erased.
  absl::Status Begin(const v1::Channel& channel, uint64_t position);
  // Whether a purge deletes what the table holds of a channel: every table with rows of channels
  // or messages must be one of those, or be named in the test with the reason why not.
  static bool Erases(std::string_view table);
  // One of the channels that are not done.
  absl::StatusOr<std::optional<ChannelPurge>> Next();
  // Erases some of it: messages with all that hangs on them, then payloads in the log, then the
  // rest. The last step forgets the purge.
  absl::Status Step(ChannelPurge purge);

 private:
  absl::Status EraseMessages(ChannelPurge* purge);
  absl::Status ScrubLog(ChannelPurge* purge);
  absl::Status EraseRest(const ChannelPurge& purge);

  SqlSession* session_;
};

}  // namespace heim
