// Files: what is known of uploads, which messages have them, and how many bytes they are; their
// bytes lie in a blob store.
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
#include "heim/v1/file.pb.h"
#include "heim/v1/file_service.pb.h"
#include "server/model/ids.h"
#include "server/store/avatars.h"
#include "server/store/sql.h"

namespace heim {

struct FileRow {
  v1::File file;
  WorkspaceId workspace_id;
  std::string blob_key;
  // Of the server's own, such as the picture of a link: in no list and in no count.
  bool hidden = false;
  // Whether a preview is to be made.
  bool wants_preview = false;
  // When it goes unless a message has it; unset: a day after created_at.
  std::optional<absl::Time> sweep_at;
  // Without a key there is none.
  StoredPicture preview;
};

// By the type alone.
v1::FileKind FileKindOf(std::string_view mime_type);

struct FileUsageRow {
  int64_t bytes = 0;
  int64_t files = 0;
};

// Files, the newest first.
struct FilePage {
  std::string actor;                              // who uploaded them; empty: anybody
  v1::FileKind kind = v1::FILE_KIND_UNSPECIFIED;  // unset: all
  std::string before_id;                          // empty: from the newest
  uint32_t limit = 50;
};

// A file for which nobody has looked whether it gets a preview.
struct UnlookedFile {
  FileRow row;
  bool counted = false;  // else it is of before files were counted
  int64_t tries = 0;
};

class Files {
 public:
  explicit Files(SqlSession& session) : session_(&session) {}

  // Counts it, unless it is hidden; who counts compares with Usage afterwards.
  absl::Status Insert(const FileRow& row);
  // FILE_NOT_FOUND, also for a file that was deleted.
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
  // become dead blobs; one that a draft or a scheduled message has stays for the next sweep.
  absl::Status ReleaseMessage(const MessageId& message);
  // The same for one of its files.
  absl::Status ReleaseFile(const FileId& file, const MessageId& message);
  // The same for a file whose links were deleted.
  absl::Status DropUnlinked(std::string_view file);

  // Keys of bytes that no file names any more.
  absl::StatusOr<std::vector<std::string>> DeadBlobs(uint32_t limit);
  absl::Status AddDeadBlob(std::string_view key);
  absl::Status ForgetDeadBlob(std::string_view key);

  // --- Deletion (file_deletion.cc)
  // Nobody gets the file any more and its bytes become dead blobs; the row stays, empty, until no
  // link is left. All its links become stale.
  absl::Status MarkDeleted(const FileRow& row, absl::Time at);
  struct Link {
    FileId file_id;
    MessageId message_id;
    WorkspaceId workspace_id;
    bool deleted = false;  // the file
    v1::File file;         // with its id alone, when it is deleted
  };
  // Messages that show this file as it was before, or with an empty one any.
  absl::StatusOr<std::vector<Link>> StaleLinks(const FileId& file, uint32_t limit);
  // The message shows the file as it is now; the last link of a deleted file takes the row along.
  absl::Status SettleLink(const Link& link);
  // When the first of what nothing is linked to is to be looked at; nullopt when there is none.
  absl::StatusOr<std::optional<absl::Time>> NextSweep();
  // Looks at some of what is due: what a draft or a scheduled message has is looked at again
  // `later`, the rest goes. How many were looked at.
  absl::StatusOr<uint32_t> SweepUnlinked(absl::Time now, absl::Time later, uint32_t limit);

  // --- Lists and counts (file_lists.cc)
  absl::StatusOr<std::vector<v1::File>> ListUploads(const WorkspaceId& workspace,
                                                    const FilePage& page);
  // Of messages of the channel from that seq on.
  absl::StatusOr<std::vector<v1::File>> ListInChannel(const ChannelId& channel, uint64_t from_seq,
                                                      const FilePage& page);
  // Of an actor in a workspace, or with an empty one of the workspace.
  absl::StatusOr<FileUsageRow> Usage(const WorkspaceId& workspace, const ActorId& actor);

  // --- Previews (file_previews.cc)
  absl::StatusOr<std::optional<UnlookedFile>> NextUnlooked();
  // Notes that its preview is begun, or with 0 that it was not.
  absl::Status SetPreviewTries(const FileId& id, int64_t tries);
  // What was found out: the row's preview, or that there is none. Counts what was not counted. A
  // preview makes all links stale. False when the file is gone meanwhile.
  absl::StatusOr<bool> FinishPreview(const FileRow& row);

 private:
  absl::Status Count(const WorkspaceId& workspace, std::string_view actor,
                     const FileUsageRow& more);
  absl::StatusOr<bool> IsUnsent(std::string_view file);

  SqlSession* session_;
};

}  // namespace heim
