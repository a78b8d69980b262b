// Files: what is known of uploads; their bytes lie in a blob store.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
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
  // Channels of the messages that the file is attached to, each with the newest of them.
  struct Place {
    ChannelId channel_id;
    uint64_t newest_seq = 0;
  };
  absl::StatusOr<std::vector<Place>> PlacesOf(const FileId& file);
  // Takes the message's files from it. A file that was linked nowhere else is gone, and its bytes
  // become a dead blob.
  absl::Status ReleaseMessage(const MessageId& message);
  // Keys of bytes that no file names any more.
  absl::StatusOr<std::vector<std::string>> DeadBlobs(uint32_t limit);
  absl::Status ForgetDeadBlob(std::string_view key);

 private:
  SqlSession* session_;
};

}  // namespace heim
