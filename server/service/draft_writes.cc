#include "server/service/draft_writes.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/service/file_links.h"

namespace heim {

absl::StatusOr<bool> ThrowAwayDraft(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                                    const DraftPlace& place) {
  HEIM_ASSIGN_OR_RETURN(const bool was_there, tx.message_drafts.Delete(place));
  if (!was_there) return false;
  v1::Event event = ChannelEvent(acting, place.channel);
  event.set_to_actor_id(place.actor.str());
  v1::DraftDeleted& deleted = *event.mutable_draft_deleted();
  deleted.set_channel_id(place.channel.str());
  if (!place.thread.empty()) deleted.set_thread_id(place.thread.str());
  HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
  return true;
}

absl::Status FillUnsentAttachments(
    ReadTx& tx, const WorkspaceId& workspace, const ActorId& author,
    google::protobuf::RepeatedPtrField<v1::Attachment>* attachments) {
  for (v1::Attachment& attachment : *attachments) {
    const FileId id(attachment.file_id());
    HEIM_ASSIGN_OR_RETURN(const FileRow row, tx.files.Get(id));
    if (row.workspace_id != workspace || row.file.actor_id() != author.str()) {
      return FileNotFound();
    }
    FillAttachment(row.file, &attachment);
  }
  return absl::OkStatus();
}

}  // namespace heim
