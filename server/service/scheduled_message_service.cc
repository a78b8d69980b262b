#include "server/service/scheduled_message_service.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "server/base/ids.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/content.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/mask.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/draft_writes.h"
#include "server/service/message_writes.h"
#include "server/service/scheduled_sending.h"

namespace heim {
namespace {

absl::Status ScheduledNotFound() { return NotFound(v1::ERROR_REASON_SCHEDULED_MESSAGE_NOT_FOUND); }

// One of the caller's own, in the workspace of the call.
absl::StatusOr<ScheduledRow> OwnScheduled(ReadTx& tx, const Caller& caller, const std::string& id) {
  if (!IsUuid(id)) return ScheduledNotFound();
  HEIM_ASSIGN_OR_RETURN(ScheduledRow row, tx.scheduled_messages.Get(id));
  if (row.actor != caller.actor_id || row.workspace != caller.workspace_id) {
    return ScheduledNotFound();
  }
  return row;
}

// One that can still change. SCHEDULED_MESSAGE_NOT_FOUND for what was cancelled.
absl::StatusOr<ScheduledRow> OpenScheduled(ReadTx& tx, const Caller& caller,
                                           const std::string& id) {
  HEIM_ASSIGN_OR_RETURN(ScheduledRow row, OwnScheduled(tx, caller, id));
  if (row.message.state() == v1::SCHEDULED_STATE_CANCELLED) return ScheduledNotFound();
  if (row.message.state() == v1::SCHEDULED_STATE_SENT) {
    return MakeError(v1::ERROR_REASON_SCHEDULED_MESSAGE_SENT, "The message was sent already");
  }
  return row;
}

absl::Status CheckSendAt(const google::protobuf::Timestamp& send_at, absl::Time now) {
  const absl::Time at = FromTimestamp(send_at);
  if (at >= now + kScheduleAheadMin && at <= now + kScheduleAheadMax) return absl::OkStatus();
  return InvalidField("send_at", "10 seconds to 365 days from now");
}

absl::Status CheckRoom(ReadTx& tx, const ActorId& actor) {
  HEIM_ASSIGN_OR_RETURN(const int64_t pending, tx.scheduled_messages.CountPending(actor));
  if (pending < kScheduledPendingMax) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_LIMIT_REACHED,
                   StrCat(kScheduledPendingMax, " messages wait already, which is the limit"));
}

// Makes what it says what a message would say, or fails as sending it would.
absl::Status Normalize(ReadTx& tx, const ScheduledRow& row, v1::ScheduledMessage* scheduled) {
  v1::Message message;
  message.set_content(scheduled->content());
  message.mutable_parts()->Swap(scheduled->mutable_parts());
  message.mutable_attachments()->Swap(scheduled->mutable_attachments());
  if (scheduled->has_metadata()) *message.mutable_metadata() = scheduled->metadata();
  HEIM_RETURN_IF_ERROR(NormalizeMessageContent(&message));
  HEIM_RETURN_IF_ERROR(
      FillUnsentAttachments(tx, row.workspace, row.actor, message.mutable_attachments()));
  scheduled->set_content(message.content());
  scheduled->mutable_parts()->Swap(message.mutable_parts());
  scheduled->mutable_attachments()->Swap(message.mutable_attachments());
  if (scheduled->content_type() == v1::CONTENT_TYPE_UNSPECIFIED) {
    scheduled->set_content_type(v1::CONTENT_TYPE_MARKDOWN);
  }
  return absl::OkStatus();
}

absl::Status Schedule(WriteTx& tx, const Caller& caller, const v1::ScheduleMessageRequest& request,
                      const std::string& id, absl::Time now, v1::ScheduledMessage* made) {
  HEIM_ASSIGN_OR_RETURN(
      const ChannelAccess access,
      AccessChannel(tx, caller, ChannelId(request.channel_id()), Permission::kPost));
  HEIM_RETURN_IF_ERROR(CheckSendAt(request.send_at(), now));
  ScheduledRow row{{}, access.workspace_id(), caller.actor_id, 0};
  v1::ScheduledMessage& message = row.message;
  message.set_id(id);
  message.set_channel_id(request.channel_id());
  if (request.has_thread_id()) {
    HEIM_ASSIGN_OR_RETURN(const MessageId root,
                          ThreadRoot(tx, access, MessageId(request.thread_id())));
    message.set_thread_id(root.str());
  }
  message.set_content(request.content());
  message.set_content_type(request.content_type());
  *message.mutable_parts() = request.parts();
  *message.mutable_attachments() = request.attachments();
  if (request.has_metadata()) *message.mutable_metadata() = request.metadata();
  HEIM_RETURN_IF_ERROR(Normalize(tx, row, &message));
  HEIM_RETURN_IF_ERROR(CheckRoom(tx, caller.actor_id));
  // Whole milliseconds, as they are stored.
  *message.mutable_send_at() = ToTimestamp(FromTimestamp(request.send_at()));
  message.set_state(v1::SCHEDULED_STATE_PENDING);
  *message.mutable_created_at() = ToTimestamp(now);
  HEIM_RETURN_IF_ERROR(tx.scheduled_messages.ForgetEnded(now - kScheduledKept));
  HEIM_RETURN_IF_ERROR(ChangeScheduled(tx, now, &row));
  *made = std::move(row.message);
  return absl::OkStatus();
}

bool Contains(const std::vector<std::string>& mask, std::string_view field) {
  return std::find(mask.begin(), mask.end(), field) != mask.end();
}

absl::Status ApplyChange(ReadTx& tx, const v1::UpdateScheduledMessageRequest& request,
                         const std::vector<std::string>& mask, absl::Time now, ScheduledRow* row) {
  v1::ScheduledMessage& message = row->message;
  const bool failed = message.state() == v1::SCHEDULED_STATE_FAILED;
  const bool new_time = Contains(mask, "send_at");
  if (failed && !new_time) return InvalidField("send_at", "a new time: the first one has passed");
  ApplyMask(mask, request.scheduled_message(), &message);
  // Text and parts stay projections of each other.
  if (Contains(mask, "content") && !Contains(mask, "parts")) message.clear_parts();
  if (Contains(mask, "parts") && !Contains(mask, "content")) message.clear_content();
  if (new_time) {
    HEIM_RETURN_IF_ERROR(CheckSendAt(message.send_at(), now));
    *message.mutable_send_at() = ToTimestamp(FromTimestamp(message.send_at()));
  }
  if (failed) HEIM_RETURN_IF_ERROR(CheckRoom(tx, row->actor));
  message.set_state(v1::SCHEDULED_STATE_PENDING);
  message.clear_error();
  return Normalize(tx, *row, &message);
}

std::string FilterOf(const v1::ListScheduledMessagesRequest& request) {
  return StrCat("scheduled/", static_cast<int>(request.state()), "/", request.channel_id());
}

absl::Status SetPlace(const std::string& key, ScheduledPage* page) {
  const std::vector<std::string> parts = absl::StrSplit(key, '|');
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &page->after_ms)) {
    return MakeError(v1::ERROR_REASON_INVALID_CURSOR);
  }
  page->after_id = parts[1];
  return absl::OkStatus();
}

}  // namespace

void ScheduledMessageService::ScheduleMessage(CallContext& context,
                                              const v1::ScheduleMessageRequest& request,
                                              Reply<v1::ScheduleMessageResponse> reply) {
  const std::string id = ids_.NewId();
  CommitReply<v1::ScheduleMessageResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, id](WriteTx& tx, v1::ScheduleMessageResponse* response) {
        return Schedule(tx, context.caller, request, id, clock_.Now(),
                        response->mutable_scheduled_message());
      },
      [this](const v1::ScheduleMessageResponse& response) {
        wake_(FromTimestamp(response.scheduled_message().send_at()));
      });
}

void ScheduledMessageService::ListScheduledMessages(
    CallContext& context, const v1::ListScheduledMessagesRequest& request,
    Reply<v1::ListScheduledMessagesResponse> reply) {
  v1::ListScheduledMessagesResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    ScheduledPage page;
    page.actor = context.caller.actor_id;
    page.workspace = context.caller.workspace_id;
    page.state = request.state();
    page.channel = request.channel_id();
    page.limit = limit + 1;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(const std::string key,
                            DecodeCursor(request.cursor(), FilterOf(request)));
      HEIM_RETURN_IF_ERROR(SetPlace(key, &page));
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::ScheduledMessage> found,
                          tx.scheduled_messages.List(page));
    if (found.size() > limit) {
      found.resize(limit);
      response.set_has_more(true);
      const v1::ScheduledMessage& last = found.back();
      response.set_next_cursor(
          EncodeCursor(FilterOf(request),
                       StrCat(absl::ToUnixMillis(FromTimestamp(last.send_at())), "|", last.id())));
    }
    for (v1::ScheduledMessage& message : found) {
      *response.add_scheduled_messages() = std::move(message);
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void ScheduledMessageService::GetScheduledMessage(CallContext& context,
                                                  const v1::GetScheduledMessageRequest& request,
                                                  Reply<v1::GetScheduledMessageResponse> reply) {
  v1::GetScheduledMessageResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
    HEIM_ASSIGN_OR_RETURN(ScheduledRow row,
                          OwnScheduled(tx, context.caller, request.scheduled_message_id()));
    *response.mutable_scheduled_message() = std::move(row.message);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void ScheduledMessageService::UpdateScheduledMessage(
    CallContext& context, const v1::UpdateScheduledMessageRequest& request,
    Reply<v1::UpdateScheduledMessageResponse> reply) {
  static constexpr std::array<std::string_view, 6> kFields = {
      "content", "content_type", "parts", "attachments", "metadata", "send_at"};
  const auto mask = EffectiveMask(request.update_mask(), request.scheduled_message(), kFields);
  if (!mask.ok()) return reply(mask.status());
  CommitReply<v1::UpdateScheduledMessageResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, mask = *mask](
          WriteTx& tx, v1::UpdateScheduledMessageResponse* response) -> absl::Status {
        HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
        HEIM_ASSIGN_OR_RETURN(ScheduledRow row,
                              OpenScheduled(tx, context.caller, request.scheduled_message_id()));
        if (request.has_expected_revision() &&
            request.expected_revision() != row.message.revision()) {
          return RevisionConflict(row.message.revision());
        }
        if (!mask.empty()) {
          HEIM_RETURN_IF_ERROR(AccessChannel(tx, context.caller,
                                             ChannelId(row.message.channel_id()), Permission::kPost)
                                   .status());
          const absl::Time now = clock_.Now();
          HEIM_RETURN_IF_ERROR(ApplyChange(tx, request, mask, now, &row));
          HEIM_RETURN_IF_ERROR(ChangeScheduled(tx, now, &row));
        }
        *response->mutable_scheduled_message() = std::move(row.message);
        return absl::OkStatus();
      },
      [this](const v1::UpdateScheduledMessageResponse& response) {
        wake_(FromTimestamp(response.scheduled_message().send_at()));
      });
}

void ScheduledMessageService::CancelScheduledMessage(
    CallContext& context, const v1::CancelScheduledMessageRequest& request,
    Reply<v1::CancelScheduledMessageResponse> reply) {
  CommitReply<v1::CancelScheduledMessageResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx,
                                 v1::CancelScheduledMessageResponse* response) -> absl::Status {
        HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
        HEIM_ASSIGN_OR_RETURN(ScheduledRow row,
                              OwnScheduled(tx, context.caller, request.scheduled_message_id()));
        if (row.message.state() != v1::SCHEDULED_STATE_CANCELLED) {
          HEIM_ASSIGN_OR_RETURN(row,
                                OpenScheduled(tx, context.caller, request.scheduled_message_id()));
          row.message.set_state(v1::SCHEDULED_STATE_CANCELLED);
          row.message.clear_error();
          ClearScheduledText(&row.message);
          HEIM_RETURN_IF_ERROR(ChangeScheduled(tx, clock_.Now(), &row));
        }
        *response->mutable_scheduled_message() = std::move(row.message);
        return absl::OkStatus();
      });
}

void ScheduledMessageService::SendScheduledNow(CallContext& context,
                                               const v1::SendScheduledNowRequest& request,
                                               Reply<v1::SendScheduledNowResponse> reply) {
  const std::string message_id = ids_.NewId();
  CommitReply<v1::SendScheduledNowResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, message_id](
          WriteTx& tx, v1::SendScheduledNowResponse* response) -> absl::Status {
        HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
        HEIM_ASSIGN_OR_RETURN(ScheduledRow row,
                              OwnScheduled(tx, context.caller, request.scheduled_message_id()));
        if (row.message.state() != v1::SCHEDULED_STATE_SENT) {
          HEIM_ASSIGN_OR_RETURN(row,
                                OpenScheduled(tx, context.caller, request.scheduled_message_id()));
          HEIM_RETURN_IF_ERROR(
              SendScheduled(tx, context.caller,
                            {clock_.Now(), message_id, &presence_, context.channel_breaker}, &row));
        }
        *response->mutable_scheduled_message() = std::move(row.message);
        return absl::OkStatus();
      });
}

}  // namespace heim
