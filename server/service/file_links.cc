#include "server/service/file_links.h"

#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/time.h"
#include "server/service/draft_writes.h"
#include "server/service/scheduled_sending.h"

namespace heim {
namespace {

void MarkDeleted(absl::Time at, v1::Attachment* attachment) {
  v1::Attachment left;
  left.set_file_id(attachment->file_id());
  left.set_filename(attachment->filename());
  *left.mutable_deleted_at() = ToTimestamp(at);
  *attachment = std::move(left);
}

// Whether the message shows anything else now.
bool Refresh(const Files::Link& link, absl::Time now, v1::Message* message) {
  bool changed = false;
  for (v1::Attachment& attachment : *message->mutable_attachments()) {
    if (attachment.file_id() != link.file_id.str() || attachment.has_deleted_at()) continue;
    if (link.deleted) {
      MarkDeleted(now, &attachment);
    } else {
      FillAttachment(link.file, &attachment);
    }
    changed = true;
  }
  return changed;
}

absl::Status RefreshOne(WriteTx& tx, const Files::Link& link, absl::Time now) {
  auto message = tx.messages.Get(link.message_id);
  if (ReasonOf(message.status()) == v1::ERROR_REASON_MESSAGE_NOT_FOUND) return absl::OkStatus();
  HEIM_RETURN_IF_ERROR(message.status());
  const auto channel = tx.channels.Get(ChannelId(message->channel_id()));
  // It was purged: the message is erased with all that was there.
  if (ReasonOf(channel.status()) == v1::ERROR_REASON_CHANNEL_NOT_FOUND) return absl::OkStatus();
  HEIM_RETURN_IF_ERROR(channel.status());
  if (message->has_deleted_at() || !Refresh(link, now, &*message)) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(link.workspace_id));
  HEIM_RETURN_IF_ERROR(tx.messages.Update(*message, position));
  // Whoever deleted the file may be unknown here; the author of the message is not.
  v1::Event event = MessageEvent({ActorId(message->actor().id()), now}, *message);
  *event.mutable_message_updated()->mutable_message() = *std::move(message);
  return tx.Emit(link.workspace_id, std::move(event)).status();
}

absl::Status TakeFromDraft(WriteTx& tx, const FileRow& file, absl::Time now, DraftRow row) {
  v1::Draft& draft = row.draft;
  const ActorId actor(file.file.actor_id());
  auto* attachments = draft.mutable_attachments();
  for (int i = attachments->size() - 1; i >= 0; --i) {
    if (attachments->Get(i).file_id() == file.file.id()) attachments->DeleteSubrange(i, 1);
  }
  const DraftPlace place{actor, ChannelId(draft.channel_id()), MessageId(draft.thread_id())};
  if (attachments->empty() && draft.content().empty()) {
    return ThrowAwayDraft(tx, {actor, now}, row.workspace, place).status();
  }
  draft.set_revision(draft.revision() + 1);
  *draft.mutable_updated_at() = ToTimestamp(now);
  HEIM_ASSIGN_OR_RETURN(row.position, tx.PeekPosition(row.workspace));
  HEIM_RETURN_IF_ERROR(tx.message_drafts.Put(actor, row));
  v1::Event event = ChannelEvent({actor, now}, place.channel);
  event.set_to_actor_id(actor.str());
  *event.mutable_draft_updated()->mutable_draft() = draft;
  return tx.Emit(row.workspace, std::move(event)).status();
}

}  // namespace

void FillAttachment(const v1::File& file, v1::Attachment* attachment) {
  attachment->Clear();
  attachment->set_file_id(file.id());
  attachment->set_filename(file.filename());
  attachment->set_mime_type(file.mime_type());
  attachment->set_size_bytes(file.size_bytes());
  if (file.has_width()) attachment->set_width(file.width());
  if (file.has_height()) attachment->set_height(file.height());
  if (file.has_preview()) *attachment->mutable_preview() = file.preview();
}

absl::StatusOr<uint32_t> RefreshAttachments(WriteTx& tx, const FileId& file, absl::Time now,
                                            uint32_t limit) {
  HEIM_ASSIGN_OR_RETURN(const std::vector<Files::Link> links, tx.files.StaleLinks(file, limit));
  for (const Files::Link& link : links) {
    HEIM_RETURN_IF_ERROR(RefreshOne(tx, link, now));
    HEIM_RETURN_IF_ERROR(tx.files.SettleLink(link));
  }
  return static_cast<uint32_t>(links.size());
}

absl::Status TakeFromUnsent(WriteTx& tx, const FileRow& row, absl::Time now) {
  const ActorId actor(row.file.actor_id());
  const FileId file(row.file.id());
  HEIM_ASSIGN_OR_RETURN(std::vector<DraftRow> drafts,
                        tx.message_drafts.WithFile(row.workspace_id, actor, file));
  for (DraftRow& draft : drafts) {
    HEIM_RETURN_IF_ERROR(TakeFromDraft(tx, row, now, std::move(draft)));
  }
  HEIM_ASSIGN_OR_RETURN(std::vector<ScheduledRow> scheduled,
                        tx.scheduled_messages.WithFile(row.workspace_id, actor, file));
  for (ScheduledRow& waiting : scheduled) {
    bool changed = false;
    for (v1::Attachment& attachment : *waiting.message.mutable_attachments()) {
      if (attachment.file_id() != file.str() || attachment.has_deleted_at()) continue;
      MarkDeleted(now, &attachment);
      changed = true;
    }
    if (changed) HEIM_RETURN_IF_ERROR(ChangeScheduled(tx, now, &waiting));
  }
  return absl::OkStatus();
}

}  // namespace heim
