#include "server/service/message_writes.h"

#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/time.h"
#include "server/service/file_links.h"
#include "server/service/following.h"
#include "server/service/message_forward.h"
#include "server/service/pin_service.h"
#include "server/store/file_refs.h"

namespace heim {

absl::StatusOr<MessageId> ThreadRoot(ReadTx& tx, const ChannelAccess& access,
                                     const MessageId& named) {
  HEIM_ASSIGN_OR_RETURN(const v1::Message message, MessageIn(tx, access, named));
  return message.has_thread_id() ? MessageId(message.thread_id()) : named;
}

absl::Status LinkAttachments(WriteTx& tx, const WorkspaceId& workspace, v1::Message* message) {
  // Files of a forwarded copy are those of its original, whoever uploaded them.
  const bool copied = message->has_forward();
  for (v1::Attachment& attachment : *message->mutable_attachments()) {
    // The original shows it as deleted, and so does the copy.
    if (copied && attachment.has_deleted_at()) continue;
    const FileId id(attachment.file_id());
    HEIM_ASSIGN_OR_RETURN(const FileRow row, tx.files.Get(id));
    if (row.workspace_id != workspace) return FileNotFound();
    if (!copied && row.file.actor_id() != message->actor().id()) return FileNotFound();
    FillAttachment(row.file, &attachment);
    HEIM_RETURN_IF_ERROR(
        tx.files.LinkToMessage(id, MessageId(message->id()), ChannelId(message->channel_id())));
  }
  return LinkFileParts(tx, workspace, nullptr, *message);
}

absl::Status LinkFileParts(WriteTx& tx, const WorkspaceId& workspace, const v1::Message* before,
                           const v1::Message& message) {
  absl::Status result;
  for (const v1::Part& part : message.parts()) {
    if (!part.has_file()) continue;
    const FileId id(part.file().file_id());
    if (before != nullptr && HasFile(before->parts(), id)) continue;
    const absl::StatusOr<FileRow> row = tx.files.Get(id);
    const bool own =
        row.ok() && row->workspace_id == workspace && row->file.actor_id() == message.actor().id();
    if (!own) {
      result.Update(row.ok() ? FileNotFound() : row.status());
      continue;
    }
    HEIM_RETURN_IF_ERROR(
        tx.files.LinkToMessage(id, MessageId(message.id()), ChannelId(message.channel_id())));
  }
  return result;
}

namespace {

// The root's summary changed: readers are told, the row carries the position. Answers the root.
absl::StatusOr<v1::Message> EmitRoot(WriteTx& tx, const Acting& acting,
                                     const WorkspaceId& workspace, const MessageId& root) {
  HEIM_ASSIGN_OR_RETURN(v1::Message message, tx.messages.Get(root));
  v1::Event event = MessageEvent(acting, message);
  *event.mutable_message_updated()->mutable_message() = message;
  HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
  return message;
}

// What other tables hold of the message.
absl::Status EraseBelongings(WriteTx& tx, const MessageId& id) {
  HEIM_RETURN_IF_ERROR(tx.reactions.RemoveAll(id));
  HEIM_RETURN_IF_ERROR(tx.files.ReleaseMessage(id));
  HEIM_RETURN_IF_ERROR(tx.saved.RemoveAll(id));
  HEIM_RETURN_IF_ERROR(tx.link_previews.Forget(id));
  return tx.forwards.Forget(id);
}

}  // namespace

absl::Status EmitNewMessage(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                            const v1::Message& message, const PresenceBook* presence) {
  HEIM_RETURN_IF_ERROR(CallGroups(tx, presence, nullptr, message));
  v1::Event event = MessageEvent(acting, message);
  *event.mutable_message_new()->mutable_message() = message;
  HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
  if (!message.has_thread_id()) return absl::OkStatus();
  const MessageId root(message.thread_id());
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace));
  HEIM_RETURN_IF_ERROR(tx.messages.AddReply(root, message, position));
  HEIM_ASSIGN_OR_RETURN(const v1::Message shown, EmitRoot(tx, acting, workspace, root));
  return FollowWithReply(tx, acting, workspace, shown, message);
}

absl::StatusOr<v1::Message> EraseMessage(WriteTx& tx, const Acting& acting,
                                         const WorkspaceId& workspace, const v1::Message& message) {
  v1::Message tombstone = message;
  tombstone.clear_content();
  tombstone.clear_parts();
  tombstone.clear_attachments();
  tombstone.clear_metadata();
  tombstone.clear_mentions();
  tombstone.clear_reactions();
  tombstone.clear_quote();
  tombstone.clear_forward();
  tombstone.clear_previews();
  tombstone.set_content_type(v1::CONTENT_TYPE_TEXT);
  tombstone.set_revision(message.revision() + 1);
  // A message that was still being written was never counted into its thread.
  const bool counted = message.state() != v1::MESSAGE_STATE_STREAMING;
  if (!counted) tombstone.set_state(v1::MESSAGE_STATE_INTERRUPTED);
  *tombstone.mutable_deleted_at() = ToTimestamp(acting.at);

  HEIM_RETURN_IF_ERROR(
      RemovePin(tx, acting, workspace, ChannelId(message.channel_id()), MessageId(message.id()))
          .status());
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace));
  HEIM_RETURN_IF_ERROR(tx.messages.Update(tombstone, position));
  HEIM_RETURN_IF_ERROR(EraseBelongings(tx, MessageId(message.id())));
  HEIM_RETURN_IF_ERROR(tx.log.ScrubMessage(workspace, tombstone));
  HEIM_RETURN_IF_ERROR(tx.answers.ScrubMessage(tombstone));
  v1::Event event = MessageEvent(acting, message);
  v1::MessageDeleted& deleted = *event.mutable_message_deleted();
  deleted.set_channel_id(message.channel_id());
  deleted.set_message_id(message.id());
  *deleted.mutable_message() = tombstone;
  HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
  HEIM_RETURN_IF_ERROR(EraseCopies(tx, MessageId(message.id()), acting.at).status());

  if (message.has_thread_id() && counted) {
    const MessageId root(message.thread_id());
    HEIM_ASSIGN_OR_RETURN(const uint64_t root_position, tx.PeekPosition(workspace));
    HEIM_RETURN_IF_ERROR(tx.messages.RemoveReply(root, root_position));
    HEIM_RETURN_IF_ERROR(EmitRoot(tx, acting, workspace, root).status());
  }
  return tombstone;
}

}  // namespace heim
