// Imports: how far each has come, what became of the ids of their sources, and the writes that only
// they need. Rows and nothing else; rights are checked by services.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/import.pb.h"
#include "heim/v1/message.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct ImportRow {
  v1::Import import;
  std::string archive_key;   // of the blob store; empty: its bytes are gone
  absl::Time archive_until;  // of one that has ended
};

// What ids of a source name; stored.
enum class ImportedKind {
  kActor = 1,
  kEmoji = 2,
  kGroup = 3,
  kChannel = 4,
  kFile = 5,
  kMessage = 6,
  kBookmark = 7,
};

// An id as its source has it.
struct SourceId {
  const WorkspaceId& workspace;
  std::string_view source;
  ImportedKind kind;
  std::string_view id;
};

struct ImportedId {
  std::string new_id;
  bool done = false;  // else it is kept for what is still to come
};

class Imports {
 public:
  explicit Imports(SqlSession& session) : session_(&session) {}

  // IMPORT_RUNNING while another one of the workspace has not ended.
  absl::Status Insert(const ImportRow& row);
  // IMPORT_NOT_FOUND.
  absl::StatusOr<ImportRow> Get(const std::string& id);
  // IMPORT_RUNNING as for Insert.
  absl::Status Update(const ImportRow& row);
  // Newest first, before the given id; empty: from the first.
  absl::StatusOr<std::vector<v1::Import>> List(const WorkspaceId& workspace,
                                               std::string_view before_id, uint32_t limit);
  // Those that have not ended, oldest first.
  absl::StatusOr<std::vector<std::string>> Running();
  // Ended ones whose archives are to go by then.
  absl::StatusOr<std::vector<ImportRow>> Outlived(absl::Time now, uint32_t limit);

  absl::StatusOr<std::optional<ImportedId>> Find(const SourceId& id);
  absl::Status Put(const SourceId& id, const ImportedId& imported);

  // What an import writes beside what others write.

  absl::Status InsertVersion(const MessageId& message, const v1::MessageVersion& version);
  // The channel's messages go up to `to` now; members who had read all of them have still.
  absl::Status MoveChannel(const ChannelId& channel, uint64_t from, uint64_t to);
  // Whoever has a root or a reply in the thread follows it and has read it; who had not read it up
  // to `from` has not.
  struct ThreadMove {
    WorkspaceId workspace;
    ChannelId channel;
    MessageId root;
    uint64_t from = 0;
    uint64_t to = 0;
  };
  absl::Status MoveThread(const ThreadMove& move);
  // Whether the message's id is kept for what is still to come says Find. At the end of an import
  // what did not come is forgotten: copies of it are no copies of anything here.
  absl::Status ForgetReserved(const WorkspaceId& workspace, std::string_view source);
  // People whom the import brought and who are no guests, but not in the channel yet.
  absl::StatusOr<std::vector<ActorId>> Missing(const WorkspaceId& workspace,
                                               std::string_view source, const ChannelId& channel,
                                               uint32_t limit);
  // Cursors into the workspace's log are of no use any more.
  absl::Status RenewEpoch(const WorkspaceId& workspace, std::string_view epoch);

 private:
  SqlSession* session_;
};

}  // namespace heim
