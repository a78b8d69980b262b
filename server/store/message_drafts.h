// Drafts of messages: what their authors have written and not sent. Rows and nothing else; rights
// are checked by services.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/draft.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

// Where a draft belongs; `thread` is empty for the channel itself.
struct DraftPlace {
  ActorId actor;
  ChannelId channel;
  MessageId thread;
};

struct DraftRow {
  v1::Draft draft;
  WorkspaceId workspace;
  uint64_t position = 0;  // of the event that carries this text
};

// Drafts of an actor, the last written first, those of channels that it may read.
struct DraftPage {
  ActorId actor;
  WorkspaceId workspace;
  bool member_only = false;  // a guest: public channels do not count by themselves
  // After this draft; `before_ms` 0: from the first.
  int64_t before_ms = 0;
  std::string before_channel;
  std::string before_thread;
  uint32_t limit = 50;
};

class MessageDrafts {
 public:
  explicit MessageDrafts(SqlSession& session) : session_(&session) {}

  absl::StatusOr<std::optional<DraftRow>> Find(const DraftPlace& place);
  // Inserts or replaces; a text that is replaced leaves the log.
  absl::Status Put(const ActorId& actor, const DraftRow& row);
  // Deletes it, in the log too. False when there was none.
  absl::StatusOr<bool> Delete(const DraftPlace& place);
  absl::StatusOr<int64_t> Count(const WorkspaceId& workspace, const ActorId& actor);
  absl::StatusOr<std::vector<v1::Draft>> List(const DraftPage& page);
  // Those of the actor's that have the file.
  absl::StatusOr<std::vector<DraftRow>> WithFile(const WorkspaceId& workspace, const ActorId& actor,
                                                 const FileId& file);

  // All drafts of an actor, or in a channel, in the log too: the actor or the channel is gone.
  absl::Status EraseOf(const ActorId& actor);
  absl::Status EraseIn(const ChannelId& channel);

 private:
  SqlSession* session_;
};

}  // namespace heim
