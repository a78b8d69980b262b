// Files: what is known of uploads; their bytes lie in a blob store.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/file.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct FileRow {
  v1::File file;
  WorkspaceId workspace_id;
  std::string blob_key;
};

class Files {
 public:
  explicit Files(SqlSession& session) : session_(&session) {}

  absl::Status Insert(const FileRow& row);
  // FILE_NOT_FOUND.
  absl::StatusOr<FileRow> Get(const FileId& id);
  absl::Status LinkToMessage(const FileId& file, const MessageId& message,
                             const ChannelId& channel);
  absl::Status UnlinkMessage(const MessageId& message);
  // Channels of the messages that the file is attached to, each with the newest of them.
  struct Place {
    ChannelId channel_id;
    uint64_t newest_seq = 0;
  };
  absl::StatusOr<std::vector<Place>> PlacesOf(const FileId& file);

 private:
  SqlSession* session_;
};

}  // namespace heim
