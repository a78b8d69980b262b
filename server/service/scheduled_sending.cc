#include "server/service/scheduled_sending.h"

#include <utility>

#include "heim/v1/message_service.pb.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/time.h"
#include "server/service/message_send.h"

namespace heim {
namespace {

v1::SendMessageRequest RequestOf(const v1::ScheduledMessage& message) {
  v1::SendMessageRequest request;
  request.set_channel_id(message.channel_id());
  if (message.has_thread_id()) request.set_thread_id(message.thread_id());
  request.set_content(message.content());
  request.set_content_type(message.content_type());
  *request.mutable_parts() = message.parts();
  *request.mutable_attachments() = message.attachments();
  if (message.has_metadata()) *request.mutable_metadata() = message.metadata();
  return request;
}

bool IsDue(const ScheduledRow& row, absl::Time now) {
  return row.message.state() == v1::SCHEDULED_STATE_PENDING &&
         FromTimestamp(row.message.send_at()) <= now;
}

}  // namespace

void ClearScheduledText(v1::ScheduledMessage* message) {
  message->clear_content();
  message->clear_parts();
  message->clear_attachments();
  message->clear_metadata();
}

absl::Status ChangeScheduled(WriteTx& tx, absl::Time at, ScheduledRow* row) {
  row->message.set_revision(row->message.revision() + 1);
  *row->message.mutable_updated_at() = ToTimestamp(at);
  HEIM_ASSIGN_OR_RETURN(row->position, tx.PeekPosition(row->workspace));
  if (row->message.revision() == 1) {
    HEIM_RETURN_IF_ERROR(tx.scheduled_messages.Insert(*row));
  } else {
    HEIM_RETURN_IF_ERROR(tx.scheduled_messages.Update(*row));
  }
  // Not the channel's: its author hears of it also when the channel was lost.
  v1::Event event;
  event.set_actor_id(row->actor.str());
  event.set_to_actor_id(row->actor.str());
  *event.mutable_timestamp() = ToTimestamp(at);
  *event.mutable_scheduled_message_updated()->mutable_scheduled_message() = row->message;
  return tx.Emit(row->workspace, std::move(event)).status();
}

absl::Status SendScheduled(WriteTx& tx, const Caller& author, const SendingNow& now,
                           ScheduledRow* row) {
  const v1::SendMessageRequest request = RequestOf(row->message);
  const ChannelId channel(request.channel_id());
  v1::Message sent;
  const auto take = [&](v1::Message*) {
    return now.breaker == nullptr ? absl::OkStatus() : now.breaker->TakeForChannel(channel, author);
  };
  HEIM_RETURN_IF_ERROR(
      PostMessage(tx, author, {now.message_id, now.at, request, "", take, now.presence}, &sent));
  row->message.set_state(v1::SCHEDULED_STATE_SENT);
  row->message.set_message_id(sent.id());
  row->message.clear_error();
  ClearScheduledText(&row->message);
  return ChangeScheduled(tx, now.at, row);
}

absl::StatusOr<Caller> AuthorOf(ReadTx& tx, const ScheduledRow& row) {
  HEIM_ASSIGN_OR_RETURN(v1::Actor actor, tx.actors.Get(row.actor));
  Caller caller;
  caller.actor_id = row.actor;
  HEIM_ASSIGN_OR_RETURN(caller.actor, tx.actors.GetRef(row.actor));
  caller.workspace_id = row.workspace;
  // As if logged in: a key that wrote it may be gone since, its author's rights count.
  caller.credential_type = v1::CREDENTIAL_TYPE_PASSWORD;
  while (true) {
    if (actor.has_deleted_at()) return MakeError(v1::ERROR_REASON_ACTOR_DEACTIVATED);
    if (!actor.agent().has_owner_id()) break;
    HEIM_ASSIGN_OR_RETURN(actor, tx.actors.Get(ActorId(actor.agent().owner_id())));
  }
  const auto member = tx.workspaces.GetMember(row.workspace, row.actor);
  if (ReasonOf(member.status()) == v1::ERROR_REASON_MEMBER_NOT_FOUND) return WorkspaceNotFound();
  if (!member.ok()) return member.status();
  caller.workspace_role = member->role();
  return caller;
}

absl::Status SendDue(WriteTx& tx, const std::string& id, const SendingNow& now) {
  HEIM_ASSIGN_OR_RETURN(ScheduledRow row, tx.scheduled_messages.Get(id));
  if (!IsDue(row, now.at)) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(const Caller author, AuthorOf(tx, row));
  return SendScheduled(tx, author, now, &row);
}

absl::Status FailDue(WriteTx& tx, const std::string& id, absl::Time at, std::string_view code) {
  HEIM_ASSIGN_OR_RETURN(ScheduledRow row, tx.scheduled_messages.Get(id));
  if (!IsDue(row, at)) return absl::OkStatus();
  row.message.set_state(v1::SCHEDULED_STATE_FAILED);
  row.message.set_error(std::string(code));
  return ChangeScheduled(tx, at, &row);
}

}  // namespace heim
