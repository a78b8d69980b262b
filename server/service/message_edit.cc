// The part of MessageService that edits: who may, until when, and what stays of what was said.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/content.h"
#include "server/model/errors.h"
#include "server/model/mask.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/following.h"
#include "server/service/mentioning.h"
#include "server/service/message_previews.h"
#include "server/service/message_service.h"
#include "server/service/message_writes.h"

namespace heim {
namespace {

bool Contains(const std::vector<std::string>& mask, std::string_view field) {
  return std::find(mask.begin(), mask.end(), field) != mask.end();
}

// Applies an edit; text and parts stay projections of each other.
absl::Status ApplyEdit(const std::vector<std::string>& mask, const v1::Message& from,
                       v1::Message* message) {
  const v1::Message before = *message;
  ApplyMask(mask, from, message);
  if (Contains(mask, "content") && !Contains(mask, "parts")) message->clear_parts();
  if (Contains(mask, "parts") && !Contains(mask, "content")) message->clear_content();
  if (message->content_type() == v1::CONTENT_TYPE_UNSPECIFIED) {
    message->set_content_type(v1::CONTENT_TYPE_MARKDOWN);
  }
  HEIM_RETURN_IF_ERROR(NormalizeMessageContent(message));
  if (!Contains(mask, "parts")) return absl::OkStatus();
  HEIM_RETURN_IF_ERROR(CheckPartReferences(*message));
  return CheckToolCallProgress(before, *message);
}

absl::Status CheckEditable(const Caller& caller, const v1::Message& message) {
  if (message.actor().id() != caller.actor_id.str()) {
    return MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "Only its author edits a message");
  }
  if (message.has_deleted_at()) {
    return MakeError(v1::ERROR_REASON_MESSAGE_DELETED, "The message was deleted");
  }
  if (message.state() == v1::MESSAGE_STATE_STREAMING) {
    return MakeError(v1::ERROR_REASON_PERMISSION_DENIED,
                     "The message is being written; edit it once its stream has ended");
  }
  return absl::OkStatus();
}

// The workspace may say for how long a message can be edited; without a number, or with 0, for
// ever.
absl::Status CheckEditWindow(ReadTx& tx, const WorkspaceId& workspace, const v1::Message& message,
                             absl::Time now) {
  HEIM_ASSIGN_OR_RETURN(const v1::Workspace settings, tx.workspaces.Get(workspace));
  const auto& fields = settings.settings().fields();
  const auto found = fields.find(std::string(kEditWindowSeconds));
  if (found == fields.end() || found->second.number_value() <= 0) return absl::OkStatus();
  const absl::Duration window = absl::Seconds(found->second.number_value());
  if (now - FromTimestamp(message.created_at()) <= window) return absl::OkStatus();
  return MakeError(
      v1::ERROR_REASON_EDIT_WINDOW_CLOSED,
      absl::StrCat("Messages of this workspace can be edited for ", absl::FormatDuration(window)));
}

bool SameText(const v1::Message& a, const v1::Message& b) {
  const auto bare = [](v1::Message message) {
    message.clear_mentions();
    return message.SerializeAsString();
  };
  return bare(a) == bare(b);
}

absl::Status Edit(WriteTx& tx, const Caller& caller, absl::Time now,
                  const v1::UpdateMessageRequest& request, const std::vector<std::string>& mask,
                  const PresenceBook& presence, v1::Message* edited) {
  HEIM_ASSIGN_OR_RETURN(
      const MessageAccess access,
      AccessMessage(tx, caller, MessageId(request.message_id()), Permission::kEditOwnMessage));
  HEIM_RETURN_IF_ERROR(CheckEditable(caller, access.message));
  if (request.has_expected_revision() && request.expected_revision() != access.message.revision()) {
    return RevisionConflict(access.message.revision());
  }
  v1::Message& message = *edited;
  message = access.message;
  if (mask.empty()) return absl::OkStatus();
  const WorkspaceId workspace(access.access.channel().workspace_id());
  HEIM_RETURN_IF_ERROR(CheckEditWindow(tx, workspace, message, now));
  HEIM_RETURN_IF_ERROR(ApplyEdit(mask, request.message(), &message));
  // Who was called already is not asked about again.
  const bool confirmed = request.confirm_group_mention() || MentionsAGroup(access.message);
  HEIM_RETURN_IF_ERROR(FillMentions(tx, workspace, &message,
                                    confirmed ? CrowdMentions::kConfirmed : CrowdMentions::kAsk));
  if (SameText(message, access.message)) {
    message = access.message;
    return absl::OkStatus();
  }
  HEIM_RETURN_IF_ERROR(DropUnlinkedPreviews(tx, &message).status());
  const Acting acting{caller.actor_id, now};
  message.set_revision(message.revision() + 1);
  *message.mutable_edited_at() = ToTimestamp(acting.at);
  if (Contains(mask, "parts")) {
    HEIM_RETURN_IF_ERROR(LinkFileParts(tx, workspace, &access.message, message));
  }
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace));
  HEIM_RETURN_IF_ERROR(tx.messages.Update(message, position));
  HEIM_RETURN_IF_ERROR(CallGroups(tx, &presence, &access.message, message));
  v1::Event event = MessageEvent(acting, message);
  *event.mutable_message_updated()->mutable_message() = message;
  HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
  return FollowWithEdit(tx, acting, workspace, access.message, message);
}

}  // namespace

void MessageService::UpdateMessage(CallContext& context, const v1::UpdateMessageRequest& request,
                                   Reply<v1::UpdateMessageResponse> reply) {
  static constexpr std::array<std::string_view, 4> kFields = {"content", "content_type", "parts",
                                                              "metadata"};
  const auto mask = EffectiveMask(request.update_mask(), request.message(), kFields);
  if (!mask.ok()) return reply(mask.status());
  CommitReply<v1::UpdateMessageResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, mask = *mask](WriteTx& tx, v1::UpdateMessageResponse* response) {
        return Edit(tx, context.caller, clock_.Now(), request, mask, presence_,
                    response->mutable_message());
      });
}

void MessageService::ListMessageVersions(CallContext& context,
                                         const v1::ListMessageVersionsRequest& request,
                                         Reply<v1::ListMessageVersionsResponse> reply) {
  v1::ListMessageVersionsResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    const MessageId id(request.message_id());
    HEIM_ASSIGN_OR_RETURN(const MessageAccess access,
                          AccessMessage(tx, context.caller, id, Permission::kReadChannel));
    const std::string filter = StrCat(id.str(), "/versions");
    uint32_t before = access.message.revision();
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(const std::string text, DecodeCursor(request.cursor(), filter));
      if (!absl::SimpleAtoi(text, &before)) {
        return MakeError(v1::ERROR_REASON_INVALID_CURSOR, "The page cursor is not one of ours");
      }
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::MessageVersion> versions,
                          tx.messages.ListVersions(access.message, before, limit + 1));
    if (versions.size() > limit) {
      versions.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(filter, absl::StrCat(versions.back().revision())));
    }
    for (v1::MessageVersion& version : versions) *response.add_versions() = std::move(version);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

}  // namespace heim
