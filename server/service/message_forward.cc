#include "server/service/message_forward.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/membership.h"
#include "server/service/message_send.h"
#include "server/service/message_service.h"

namespace heim {
namespace {

absl::Status CheckForwardable(const v1::Message& message) {
  if (message.has_deleted_at() || message.forward().has_deleted_at()) {
    return MakeError(v1::ERROR_REASON_MESSAGE_DELETED, "The message was deleted");
  }
  if (message.content_type() == v1::CONTENT_TYPE_SYSTEM) {
    return MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "What the system says is not forwarded");
  }
  if (message.state() == v1::MESSAGE_STATE_STREAMING) {
    return MakeError(v1::ERROR_REASON_PERMISSION_DENIED,
                     "The message is being written; forward it once its stream has ended");
  }
  return absl::OkStatus();
}

// What a forward of the message holds. A forward is passed on as what it holds itself, so that
// whoever reads the copy needs no right to the original.
v1::Forward ForwardOf(const v1::Message& message) {
  if (message.has_forward()) return message.forward();
  v1::Forward forward;
  forward.set_message_id(message.id());
  *forward.mutable_actor() = message.actor();
  forward.set_content(message.content());
  forward.set_content_type(message.content_type());
  *forward.mutable_created_at() = message.created_at();
  return forward;
}

absl::Status FillCopy(WriteTx& tx, const Caller& caller, const MessageId& source,
                      v1::Message* copy) {
  HEIM_ASSIGN_OR_RETURN(const MessageAccess access,
                        AccessMessage(tx, caller, source, Permission::kReadChannel));
  HEIM_RETURN_IF_ERROR(CheckForwardable(access.message));
  *copy->mutable_forward() = ForwardOf(access.message);
  *copy->mutable_attachments() = access.message.attachments();
  return tx.forwards.Add(MessageId(copy->forward().message_id()), MessageId(copy->id()));
}

// Of one copy: what it holds of its original, in the row, its versions, the log and kept answers.
absl::Status EraseCopy(WriteTx& tx, const MessageId& id, absl::Time now) {
  HEIM_RETURN_IF_ERROR(tx.forwards.Forget(id));
  HEIM_ASSIGN_OR_RETURN(v1::Message copy, tx.messages.Get(id));
  if (copy.has_deleted_at()) return absl::OkStatus();
  const auto erase = [at = ToTimestamp(now)](v1::Message* message) {
    message->mutable_forward()->clear_content();
    *message->mutable_forward()->mutable_deleted_at() = at;
    message->clear_attachments();
  };
  erase(&copy);
  const auto channel = tx.channels.Get(ChannelId(copy.channel_id()));
  // Its channel was purged: the copy is erased with all that was there.
  if (ReasonOf(channel.status()) == v1::ERROR_REASON_CHANNEL_NOT_FOUND) return absl::OkStatus();
  HEIM_RETURN_IF_ERROR(channel.status());
  const WorkspaceId workspace(channel->workspace_id());
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace));
  HEIM_RETURN_IF_ERROR(tx.messages.Update(copy, position));
  HEIM_RETURN_IF_ERROR(tx.files.ReleaseMessage(id));
  HEIM_RETURN_IF_ERROR(tx.log.RewriteMessage(workspace, id, erase));
  HEIM_RETURN_IF_ERROR(tx.answers.RewriteMessage(id, erase));
  // Whoever deleted the original may be unknown here; its author is named by the copy.
  v1::Event event = MessageEvent({ActorId(copy.forward().actor().id()), now}, copy);
  *event.mutable_message_updated()->mutable_message() = std::move(copy);
  return tx.Emit(workspace, std::move(event)).status();
}

absl::Status EraseAll(WriteTx& tx, const std::vector<MessageId>& copies, absl::Time now) {
  for (const MessageId& copy : copies) HEIM_RETURN_IF_ERROR(EraseCopy(tx, copy, now));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<uint32_t> EraseCopies(WriteTx& tx, const MessageId& original, absl::Time now) {
  HEIM_ASSIGN_OR_RETURN(const std::vector<MessageId> copies,
                        tx.forwards.CopiesOf(original, kForwardsErasedAtOnce));
  HEIM_RETURN_IF_ERROR(EraseAll(tx, copies, now));
  return static_cast<uint32_t>(copies.size());
}

void EraseLeftCopies(Store& store, Clock& clock, BlobSweeper& sweeper) {
  auto erased = std::make_shared<size_t>(0);
  Draft draft;
  draft.apply = [&clock, erased](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const std::vector<MessageId> copies,
                          tx.forwards.Orphans(kForwardsErasedAtOnce));
    *erased = copies.size();
    return EraseAll(tx, copies, clock.Now());
  };
  store.Commit(std::move(draft), [&store, &clock, &sweeper,
                                  erased](const absl::StatusOr<Committed>& committed) {
    if (!committed.ok()) {
      LogWarn("Forwarded copies of a deleted message are left until the next deletion or start",
              {{"error", committed.status()}});
      return;
    }
    if (*erased > 0) sweeper.Sweep();
    if (*erased == kForwardsErasedAtOnce) EraseLeftCopies(store, clock, sweeper);
  });
}

void MessageService::ForwardMessage(CallContext& context, const v1::ForwardMessageRequest& request,
                                    Reply<v1::ForwardMessageResponse> reply) {
  auto wanted = std::make_shared<v1::SendMessageRequest>();
  wanted->set_channel_id(request.channel_id());
  wanted->set_content(request.content());
  if (request.has_thread_id()) wanted->set_thread_id(request.thread_id());
  if (request.has_client_id()) wanted->set_client_id(request.client_id());
  const std::string hash = request.has_client_id() ? RepeatHash(request) : "";
  const std::string id = ids_.NewId();
  CommitReply<v1::ForwardMessageResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, wanted, hash, id](WriteTx& tx,
                                                   v1::ForwardMessageResponse* response) {
        const auto fill = [&](v1::Message* message) -> absl::Status {
          HEIM_RETURN_IF_ERROR(TakeForChannel(context, ChannelId(request.channel_id())));
          return FillCopy(tx, context.caller, MessageId(request.message_id()), message);
        };
        const NewPost post{id, clock_.Now(), *wanted, hash, fill};
        return PostMessage(tx, context.caller, post, response->mutable_message());
      });
}

}  // namespace heim
