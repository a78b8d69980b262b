#include "server/service/message_service.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/emoji.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/draft_writes.h"
#include "server/service/following.h"
#include "server/service/message_forward.h"
#include "server/service/message_send.h"
#include "server/service/message_writes.h"

namespace heim {
namespace {

absl::Status Send(WriteTx& tx, const CallContext& context, const v1::SendMessageRequest& request,
                  const std::string& id, const std::string& repeat_hash, absl::Time now,
                  const PresenceBook& presence, v1::Message* sent) {
  const ChannelId channel(request.channel_id());
  const NewPost post{
      id,
      now,
      request,
      repeat_hash,
      [&](v1::Message*) { return TakeForChannel(context, channel); },
      &presence,
      request.confirm_group_mention() ? CrowdMentions::kConfirmed : CrowdMentions::kAsk};
  HEIM_RETURN_IF_ERROR(PostMessage(tx, context.caller, post, sent));
  // A repeat leaves what was written since.
  if (!request.clear_draft() || sent->id() != id) return absl::OkStatus();
  const DraftPlace place{context.caller.actor_id, channel, MessageId(sent->thread_id())};
  return ThrowAwayDraft(tx, Acting{context.caller.actor_id, now}, context.caller.workspace_id,
                        place)
      .status();
}

// What a deletion leaves to do after its commit.
struct LeftToErase {
  bool blobs = false;
  bool copies = false;
};

absl::Status FindLeft(ReadTx& tx, const MessageId& deleted, LeftToErase* left) {
  HEIM_ASSIGN_OR_RETURN(const std::vector<std::string> blobs, tx.files.DeadBlobs(1));
  HEIM_ASSIGN_OR_RETURN(const std::vector<MessageId> copies, tx.forwards.CopiesOf(deleted, 1));
  *left = {!blobs.empty(), !copies.empty()};
  return absl::OkStatus();
}

}  // namespace

void MessageService::SendMessage(CallContext& context, const v1::SendMessageRequest& request,
                                 Reply<v1::SendMessageResponse> reply) {
  const std::string id = ids_.NewId();
  const std::string hash = request.has_client_id() ? RepeatHash(request) : "";
  CommitReply<v1::SendMessageResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, id, hash](WriteTx& tx, v1::SendMessageResponse* response) {
        return Send(tx, context, request, id, hash, clock_.Now(), presence_,
                    response->mutable_message());
      });
}

void MessageService::GetMessage(CallContext& context, const v1::GetMessageRequest& request,
                                Reply<v1::GetMessageResponse> reply) {
  v1::GetMessageResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(MessageAccess access,
                          AccessMessage(tx, context.caller, MessageId(request.message_id()),
                                        Permission::kReadChannel));
    *response.mutable_message() = std::move(access.message);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void MessageService::DeleteMessage(CallContext& context, const v1::DeleteMessageRequest& request,
                                   Reply<v1::DeleteMessageResponse> reply) {
  auto left = std::make_shared<LeftToErase>();
  CommitReply<v1::DeleteMessageResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, left](WriteTx& tx,
                                       v1::DeleteMessageResponse* response) -> absl::Status {
        const MessageId id(request.message_id());
        HEIM_ASSIGN_OR_RETURN(MessageAccess access,
                              AccessMessage(tx, context.caller, id, Permission::kReadChannel));
        const bool own = access.message.actor().id() == context.caller.actor_id.str();
        const Permission permission =
            own ? Permission::kDeleteOwnMessage : Permission::kDeleteAnyMessage;
        HEIM_RETURN_IF_ERROR(AccessMessage(tx, context.caller, id, permission).status());
        tx.note.nothing = own || access.message.has_deleted_at();
        tx.note.Before(access.message);
        if (access.message.has_deleted_at()) {
          *response->mutable_message() = std::move(access.message);
          return absl::OkStatus();
        }
        HEIM_ASSIGN_OR_RETURN(
            *response->mutable_message(),
            EraseMessage(tx, Acting{context.caller.actor_id, clock_.Now()},
                         WorkspaceId(access.access.channel().workspace_id()), access.message));
        return FindLeft(tx, id, left.get());
      },
      [this, &context, left](const v1::DeleteMessageResponse& response) {
        const v1::Message& message = response.message();
        if (left->blobs) sweeper_.Sweep();
        if (left->copies) EraseLeftCopies(store_, clock_, sweeper_);
        if (message.state() != v1::MESSAGE_STATE_INTERRUPTED) return;
        const bool own = message.actor().id() == context.caller.actor_id.str();
        streams_.StopStream(StreamId(message.stream_id()),
                            own ? "stopped_by_author" : "stopped_by_admin");
      });
}

void MessageService::AddReaction(CallContext& context, const v1::AddReactionRequest& request,
                                 Reply<v1::AddReactionResponse> reply) {
  auto emoji = NormalizeEmoji(request.emoji());
  if (!emoji.ok()) return reply(emoji.status());
  CommitReply<v1::AddReactionResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, emoji = *emoji](
          WriteTx& tx, v1::AddReactionResponse* response) -> absl::Status {
        const MessageId id(request.message_id());
        HEIM_ASSIGN_OR_RETURN(const MessageAccess access,
                              AccessMessage(tx, context.caller, id, Permission::kReact));
        HEIM_RETURN_IF_ERROR(CheckEmojiExists(tx, access.access.workspace_id(), emoji));
        if (access.message.has_deleted_at()) {
          return MakeError(v1::ERROR_REASON_MESSAGE_DELETED, "The message was deleted");
        }
        const Acting acting{context.caller.actor_id, clock_.Now()};
        HEIM_ASSIGN_OR_RETURN(const uint32_t before, tx.reactions.Count(id, emoji));
        HEIM_ASSIGN_OR_RETURN(const uint32_t kinds, tx.reactions.Kinds(id));
        if (before == 0 && kinds >= kReactionKindsMax) {
          return MakeError(v1::ERROR_REASON_TOO_MANY_REACTIONS,
                           "The message has the greatest number of kinds of reactions");
        }
        HEIM_ASSIGN_OR_RETURN(const bool added, tx.reactions.Add(id, acting.by, emoji, acting.at));
        if (added) {
          v1::Event event = MessageEvent(acting, access.message);
          v1::ReactionAdded& payload = *event.mutable_reaction_added();
          payload.set_channel_id(access.message.channel_id());
          payload.set_message_id(id.str());
          payload.set_actor_id(acting.by.str());
          payload.set_emoji(emoji);
          payload.set_count(before + 1);
          HEIM_RETURN_IF_ERROR(
              tx.Emit(WorkspaceId(access.access.channel().workspace_id()), std::move(event))
                  .status());
        }
        HEIM_ASSIGN_OR_RETURN(*response->mutable_message(), tx.messages.Get(id));
        return absl::OkStatus();
      });
}

void MessageService::RemoveReaction(CallContext& context, const v1::RemoveReactionRequest& request,
                                    Reply<v1::RemoveReactionResponse> reply) {
  auto emoji = NormalizeEmoji(request.emoji());
  if (!emoji.ok()) return reply(emoji.status());
  CommitReply<v1::RemoveReactionResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, emoji = *emoji](
          WriteTx& tx, v1::RemoveReactionResponse* response) -> absl::Status {
        const MessageId id(request.message_id());
        HEIM_ASSIGN_OR_RETURN(const MessageAccess access,
                              AccessMessage(tx, context.caller, id, Permission::kReact));
        const Acting acting{context.caller.actor_id, clock_.Now()};
        HEIM_ASSIGN_OR_RETURN(const bool removed, tx.reactions.Remove(id, acting.by, emoji));
        if (removed) {
          HEIM_ASSIGN_OR_RETURN(const uint32_t count, tx.reactions.Count(id, emoji));
          v1::Event event = MessageEvent(acting, access.message);
          v1::ReactionRemoved& payload = *event.mutable_reaction_removed();
          payload.set_channel_id(access.message.channel_id());
          payload.set_message_id(id.str());
          payload.set_actor_id(acting.by.str());
          payload.set_emoji(emoji);
          payload.set_count(count);
          HEIM_RETURN_IF_ERROR(
              tx.Emit(WorkspaceId(access.access.channel().workspace_id()), std::move(event))
                  .status());
        }
        HEIM_ASSIGN_OR_RETURN(*response->mutable_message(), tx.messages.Get(id));
        return absl::OkStatus();
      });
}

}  // namespace heim
