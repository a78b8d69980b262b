// The archives of other chats as records of an import. A source is owned by whoever opened it, used
// by one thread, blocks on the archive, and must not outlive it. What is not taken over, and why,
// is among its problems; docs/guide/import.md says it for people.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/transfer/record_source.h"

namespace heim {

struct ChatArchiveOptions {
  // Of several teams, the one that is taken: its name in the archive. Mattermost.
  std::string team;
  // What is later than this cannot be true. Must be the same each time that an import is opened.
  absl::Time latest = absl::InfiniteFuture();
  // Where posts wait while they are brought into order, in a file without a name. Mattermost.
  std::string spool_directory;
};

// INVALID_ARCHIVE.
absl::StatusOr<std::unique_ptr<RecordSource>> OpenSlackArchive(ByteSource& archive,
                                                               const ChatArchiveOptions& options);
absl::StatusOr<std::unique_ptr<RecordSource>> OpenMattermostArchive(
    ByteSource& archive, const ChatArchiveOptions& options);

}  // namespace heim
