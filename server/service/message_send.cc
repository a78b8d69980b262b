#include "server/service/message_send.h"

#include <memory>
#include <optional>
#include <utility>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "server/base/crypto.h"
#include "server/base/status_macros.h"
#include "server/model/content.h"
#include "server/model/errors.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/message_writes.h"

namespace heim {
namespace {

// The author's earlier message under this client_id, if any; another request is a conflict.
absl::StatusOr<std::optional<v1::Message>> FindRepeat(WriteTx& tx, const ActorId& author,
                                                      const v1::SendMessageRequest& request,
                                                      std::string_view hash) {
  if (!request.has_client_id()) return std::nullopt;
  HEIM_ASSIGN_OR_RETURN(std::optional<v1::Message> found,
                        tx.messages.FindByClientId(author, request.client_id()));
  if (!found.has_value()) return std::nullopt;
  HEIM_ASSIGN_OR_RETURN(const std::string first, tx.messages.RequestHashOf(MessageId(found->id())));
  if (first != hash) {
    return MakeError(v1::ERROR_REASON_IDEMPOTENCY_CONFLICT,
                     "client_id was used with another message");
  }
  return found;
}

v1::Message NewMessage(const Caller& caller, const NewPost& post) {
  const v1::SendMessageRequest& request = post.request;
  v1::Message message;
  message.set_id(post.id);
  message.set_channel_id(request.channel_id());
  *message.mutable_actor() = caller.actor;
  message.set_content(request.content());
  message.set_content_type(request.content_type() == v1::CONTENT_TYPE_UNSPECIFIED
                               ? v1::CONTENT_TYPE_MARKDOWN
                               : request.content_type());
  *message.mutable_parts() = request.parts();
  *message.mutable_attachments() = request.attachments();
  if (request.has_metadata()) *message.mutable_metadata() = request.metadata();
  if (request.has_client_id()) message.set_client_id(request.client_id());
  message.set_state(v1::MESSAGE_STATE_FINAL);
  message.set_revision(1);
  *message.mutable_created_at() = ToTimestamp(post.at);
  return message;
}

// A quote is a reference, so whoever quotes must be able to read what it names.
absl::Status FillQuote(ReadTx& tx, const Caller& caller, const std::string& quoted,
                       v1::Quote* quote) {
  HEIM_ASSIGN_OR_RETURN(const MessageAccess access,
                        AccessMessage(tx, caller, MessageId(quoted), Permission::kReadChannel));
  if (access.message.has_deleted_at()) {
    return MakeError(v1::ERROR_REASON_MESSAGE_DELETED, "The quoted message was deleted");
  }
  quote->set_message_id(access.message.id());
  quote->set_channel_id(access.message.channel_id());
  quote->set_actor_id(access.message.actor().id());
  return absl::OkStatus();
}

}  // namespace

std::string RepeatHash(const google::protobuf::Message& request) {
  const std::unique_ptr<google::protobuf::Message> bare(request.New());
  bare->CopyFrom(request);
  if (const auto* field = bare->GetDescriptor()->FindFieldByName("client_id"); field != nullptr) {
    bare->GetReflection()->ClearField(bare.get(), field);
  }
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);  // metadata is a map
    bare->SerializeToCodedStream(&coded);
  }
  return HexEncode(Sha256(bytes));
}

absl::Status PostMessage(WriteTx& tx, const Caller& caller, const NewPost& post,
                         v1::Message* sent) {
  const v1::SendMessageRequest& request = post.request;
  const ChannelId channel(request.channel_id());
  HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                        AccessChannel(tx, caller, channel, Permission::kPost));
  HEIM_ASSIGN_OR_RETURN(std::optional<v1::Message> repeat,
                        FindRepeat(tx, caller.actor_id, request, post.repeat_hash));
  if (repeat.has_value()) {
    *sent = *std::move(repeat);
    return absl::OkStatus();
  }
  v1::Message message = NewMessage(caller, post);
  if (post.fill) HEIM_RETURN_IF_ERROR(post.fill(&message));
  HEIM_RETURN_IF_ERROR(NormalizeMessageContent(&message));
  HEIM_RETURN_IF_ERROR(CheckPartReferences(message));
  if (request.has_quote_message_id()) {
    HEIM_RETURN_IF_ERROR(
        FillQuote(tx, caller, request.quote_message_id(), message.mutable_quote()));
  }
  if (request.has_thread_id()) {
    HEIM_ASSIGN_OR_RETURN(const MessageId root,
                          ThreadRoot(tx, access, MessageId(request.thread_id())));
    message.set_thread_id(root.str());
  }
  const WorkspaceId workspace(access.channel().workspace_id());
  HEIM_RETURN_IF_ERROR(FillMentions(tx, workspace, &message, post.crowd));
  HEIM_ASSIGN_OR_RETURN(const uint64_t seq, tx.channels.NextSeq(channel));
  message.set_seq(seq);
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace));
  HEIM_RETURN_IF_ERROR(LinkAttachments(tx, workspace, &message));
  HEIM_RETURN_IF_ERROR(tx.messages.Insert(message, workspace, position));
  if (!post.repeat_hash.empty()) {
    HEIM_RETURN_IF_ERROR(tx.messages.SetRequestHash(MessageId(post.id), post.repeat_hash));
  }
  HEIM_RETURN_IF_ERROR(
      EmitNewMessage(tx, Acting{caller.actor_id, post.at}, workspace, message, post.presence));
  *sent = std::move(message);
  return absl::OkStatus();
}

}  // namespace heim
