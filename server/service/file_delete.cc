// The part of FileService that deletes: the row is emptied, its bytes become dead blobs and the
// first messages say so in one commit; what is left follows.
#include <memory>
#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/file_links.h"
#include "server/service/file_service.h"

namespace heim {
namespace {

// The file, which the caller may delete.
absl::StatusOr<FileRow> AccessForDeletion(ReadTx& tx, const Caller& caller, const FileId& id) {
  HEIM_ASSIGN_OR_RETURN(FileRow row, AccessFile(tx, caller, id, Permission::kDeleteOwnFile));
  // It goes with the message that it belongs to.
  if (row.hidden) return FileNotFound();
  if (row.file.actor_id() == caller.actor_id.str()) return row;
  HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kDeleteAnyFile));
  return row;
}

}  // namespace

void FileService::DeleteFile(CallContext& context, const v1::DeleteFileRequest& request,
                             Reply<v1::DeleteFileResponse> reply) {
  CommitReply<v1::DeleteFileResponse>(
      deps_.store, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::DeleteFileResponse* response) -> absl::Status {
        const FileId id(request.file_id());
        HEIM_ASSIGN_OR_RETURN(const FileRow row, AccessForDeletion(tx, context.caller, id));
        const absl::Time now = deps_.clock.Now();
        // Before anything holds it: what a draft has would stay.
        HEIM_RETURN_IF_ERROR(tx.files.MarkDeleted(row, now));
        HEIM_RETURN_IF_ERROR(TakeFromUnsent(tx, row, now));
        HEIM_RETURN_IF_ERROR(RefreshAttachments(tx, id, now, kFileLinksAtOnce).status());
        *response->mutable_file() = row.file;
        response->mutable_file()->clear_preview();
        return absl::OkStatus();
      },
      [this](const v1::DeleteFileResponse&) {
        if (deps_.hooks.deleted) deps_.hooks.deleted();
      });
}

}  // namespace heim
