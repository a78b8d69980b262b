#include "server/service/erasing.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/erased_actor.h"
#include "server/model/errors.h"
#include "server/model/time.h"
#include "server/service/leaving.h"
#include "server/service/membership.h"
#include "server/service/message_writes.h"

namespace heim {
namespace {

constexpr size_t kChannelsAtOnce = 50;

// An erasure at work in a transaction.
struct Work {
  WriteTx& tx;
  ErasureRow& row;
  const v1::Actor& erased;
  const Acting acting;
};

// The channel's workspace; empty when the channel was purged: that erases what was there.
absl::StatusOr<WorkspaceId> WorkspaceOf(ReadTx& tx, const std::string& channel) {
  const auto found = tx.channels.Get(ChannelId(channel));
  if (ReasonOf(found.status()) == v1::ERROR_REASON_CHANNEL_NOT_FOUND) return WorkspaceId();
  if (!found.ok()) return found.status();
  return WorkspaceId(found->workspace_id());
}

absl::Status LeaveSome(Work& work) {
  HEIM_ASSIGN_OR_RETURN(const std::vector<WorkspaceId> workspaces,
                        work.tx.actors.WorkspacesOf(work.row.actor_id()));
  if (workspaces.empty()) {
    work.row.Advance();
    return absl::OkStatus();
  }
  const WorkspaceId& workspace = workspaces.front();
  HEIM_ASSIGN_OR_RETURN(std::vector<ChannelId> channels,
                        work.tx.members.ChannelsOf(workspace, work.row.actor_id()));
  const bool last = channels.size() <= kChannelsAtOnce;
  work.row.Count("memberships", std::min(channels.size(), kChannelsAtOnce) + (last ? 1 : 0));
  if (last) {
    HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceMember member,
                          work.tx.workspaces.GetMember(workspace, work.row.actor_id()));
    return LeaveWorkspace(work.tx, work.acting, workspace, member);
  }
  channels.resize(kChannelsAtOnce);
  for (const ChannelId& channel : channels) {
    HEIM_RETURN_IF_ERROR(
        RemoveFromChannel(work.tx, work.acting, channel, work.row.actor_id()).status());
  }
  return absl::OkStatus();
}

absl::Status TellUpdated(Work& work, const WorkspaceId& workspace, v1::Message message) {
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, work.tx.PeekPosition(workspace));
  HEIM_RETURN_IF_ERROR(work.tx.messages.Update(message, position));
  v1::Event event = MessageEvent(work.acting, message);
  *event.mutable_message_updated()->mutable_message() = std::move(message);
  return work.tx.Emit(workspace, std::move(event)).status();
}

absl::Status EraseOwn(Work& work, const WorkspaceId& workspace, v1::Message message) {
  work.row.Count("messages", 1);
  if (work.row.deletes_messages()) {
    work.row.Count("files", static_cast<uint64_t>(message.attachments_size()));
    return EraseMessage(work.tx, work.acting, workspace, message).status();
  }
  HEIM_RETURN_IF_ERROR(work.tx.erasures.AnonymiseMessage(MessageId(message.id())));
  if (!message.has_metadata()) return absl::OkStatus();
  message.clear_metadata();
  message.clear_client_id();
  return TellUpdated(work, workspace, std::move(message));
}

// Somebody else's message that calls the actor, or holds a copy of what it said.
absl::Status RedactOthers(Work& work, const WorkspaceId& workspace, v1::Message message) {
  const MessageId id(message.id());
  const auto redact = [&](v1::Message* said) {
    RedactActor(work.erased, said);
    RedactMentions(work.erased, said);
  };
  HEIM_RETURN_IF_ERROR(work.tx.erasures.RedactVersions(id, work.erased));
  const bool called = RedactMentions(work.erased, &message);
  if (!RedactActor(work.erased, &message) && !called) return absl::OkStatus();
  work.row.Count("mentions", called ? 1 : 0);
  HEIM_RETURN_IF_ERROR(work.tx.log.RewriteMessage(workspace, id, redact));
  HEIM_RETURN_IF_ERROR(work.tx.answers.RewriteMessage(id, redact));
  return TellUpdated(work, workspace, std::move(message));
}

absl::Status RemoveReaction(Work& work, const Erasures::Reacted& reacted) {
  const auto found = work.tx.messages.Get(reacted.message_id);
  if (ReasonOf(found.status()) == v1::ERROR_REASON_MESSAGE_NOT_FOUND) return absl::OkStatus();
  if (!found.ok()) return found.status();
  HEIM_ASSIGN_OR_RETURN(const WorkspaceId workspace, WorkspaceOf(work.tx, found->channel_id()));
  if (workspace.empty()) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(
      const bool removed,
      work.tx.reactions.Remove(reacted.message_id, work.row.actor_id(), reacted.emoji));
  if (!removed) return absl::OkStatus();
  work.row.Count("reactions", 1);
  HEIM_ASSIGN_OR_RETURN(const uint32_t count,
                        work.tx.reactions.Count(reacted.message_id, reacted.emoji));
  v1::Event event = MessageEvent(work.acting, *found);
  v1::ReactionRemoved& payload = *event.mutable_reaction_removed();
  payload.set_channel_id(found->channel_id());
  payload.set_message_id(reacted.message_id.str());
  payload.set_actor_id(work.row.erasure.actor_id());
  payload.set_emoji(reacted.emoji);
  payload.set_count(count);
  return work.tx.Emit(workspace, std::move(event)).status();
}

absl::Status EraseSomeMessages(Work& work) {
  HEIM_ASSIGN_OR_RETURN(const Erasures::Window window, work.tx.erasures.NextMessages(&work.row));
  for (const Erasures::Trace& trace : window.messages) {
    HEIM_ASSIGN_OR_RETURN(v1::Message message, work.tx.messages.Get(trace.id));
    HEIM_ASSIGN_OR_RETURN(const WorkspaceId workspace, WorkspaceOf(work.tx, message.channel_id()));
    if (workspace.empty()) continue;
    HEIM_RETURN_IF_ERROR(trace.own ? EraseOwn(work, workspace, std::move(message))
                                   : RedactOthers(work, workspace, std::move(message)));
  }
  if (work.row.deletes_messages()) {
    for (const Erasures::Reacted& reacted : window.reactions) {
      HEIM_RETURN_IF_ERROR(RemoveReaction(work, reacted));
    }
  }
  if (work.row.cursor.empty()) work.row.Advance();
  return absl::OkStatus();
}

absl::Status EraseSomeBookmarks(Work& work) {
  if (!work.row.deletes_messages()) {
    work.row.Advance();
    return absl::OkStatus();
  }
  HEIM_ASSIGN_OR_RETURN(const auto bookmarks, work.tx.erasures.NextBookmarks(&work.row));
  for (const auto& [id, channel] : bookmarks) {
    HEIM_ASSIGN_OR_RETURN(const WorkspaceId workspace, WorkspaceOf(work.tx, channel.str()));
    if (workspace.empty()) continue;
    HEIM_RETURN_IF_ERROR(work.tx.bookmarks.Delete(BookmarkId(id)));
    v1::Event event = ChannelEvent(work.acting, channel);
    v1::BookmarkDeleted& deleted = *event.mutable_bookmark_deleted();
    deleted.set_channel_id(channel.str());
    deleted.set_bookmark_id(id);
    deleted.set_removed_by(work.acting.by.str());
    HEIM_RETURN_IF_ERROR(work.tx.Emit(workspace, std::move(event)).status());
    work.row.Count("bookmarks", 1);
  }
  if (work.row.cursor.empty()) work.row.Advance();
  return absl::OkStatus();
}

absl::Status Finish(Work& work) {
  HEIM_ASSIGN_OR_RETURN(const bool left, BytesAreLeft(work.tx));
  if (left) return absl::OkStatus();
  work.row.erasure.set_state(v1::ERASURE_STATE_DONE);
  *work.row.erasure.mutable_finished_at() = ToTimestamp(work.acting.at);
  return absl::OkStatus();
}

absl::Status Step(Work& work) {
  using Stage = ErasureRow::Stage;
  switch (work.row.stage) {
    case Stage::kMemberships:
      return LeaveSome(work);
    case Stage::kMessages:
      return EraseSomeMessages(work);
    case Stage::kBookmarks:
      return EraseSomeBookmarks(work);
    case Stage::kLog:
      return work.tx.erasures.ScrubLog(&work.row, work.erased);
    case Stage::kAnswers:
      return work.tx.erasures.ScrubAnswers(&work.row, work.erased);
    case Stage::kInvites:
      return work.tx.erasures.EraseInvites(&work.row);
    case Stage::kRows:
      return work.tx.erasures.EraseRows(&work.row);
    case Stage::kBytes:
      return Finish(work);
  }
  return absl::InternalError("an erasure is at no stage that is known");
}

}  // namespace

absl::Status StepErasure(WriteTx& tx, ErasureRow row, absl::Time now) {
  HEIM_ASSIGN_OR_RETURN(const v1::Actor erased, tx.actors.Get(row.actor_id()));
  Work work{tx, row, erased, {ActorId(row.erasure.requested_by()), now}};
  HEIM_RETURN_IF_ERROR(Step(work));
  return tx.erasures.Update(row);
}

absl::StatusOr<bool> BytesAreLeft(ReadTx& tx) {
  HEIM_ASSIGN_OR_RETURN(const std::vector<std::string> bytes, tx.files.DeadBlobs(1));
  HEIM_ASSIGN_OR_RETURN(const std::vector<MessageId> copies, tx.forwards.Orphans(1));
  return !bytes.empty() || !copies.empty();
}

}  // namespace heim
