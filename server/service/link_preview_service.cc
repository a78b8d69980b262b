#include "server/service/link_preview_service.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/membership.h"
#include "server/service/message_previews.h"

namespace heim {
namespace {

bool Has(const std::vector<std::string>& urls, const std::string& url) {
  return std::find(urls.begin(), urls.end(), url) != urls.end();
}

// The links that are meant: one of the text, or all.
absl::StatusOr<std::vector<std::string>> Meant(const v1::Message& message, const std::string& url) {
  std::vector<std::string> links = LinksOf(message);
  if (url.empty()) return links;
  if (Has(links, url)) return std::vector<std::string>{url};
  return MakeError(v1::ERROR_REASON_PREVIEW_NOT_FOUND, "The message has no such link");
}

absl::Status Remove(WriteTx& tx, const Acting& acting, const WorkspaceId& workspace,
                    const std::string& url, v1::Message* message) {
  const MessageId id(message->id());
  HEIM_ASSIGN_OR_RETURN(const std::vector<std::string> urls, Meant(*message, url));
  for (const std::string& link : urls) {
    HEIM_RETURN_IF_ERROR(
        tx.link_previews.PutLink(id, workspace, {.url = link, .page_key = "", .removed = true}));
  }
  HEIM_ASSIGN_OR_RETURN(const bool dropped, DropPreviews(tx, message, [&](const std::string& has) {
                          return url.empty() || Has(urls, has);
                        }));
  if (!dropped) return absl::OkStatus();
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace));
  HEIM_RETURN_IF_ERROR(tx.messages.Update(*message, position));
  v1::Event event = MessageEvent(acting, *message);
  *event.mutable_message_updated()->mutable_message() = *message;
  return tx.Emit(workspace, std::move(event)).status();
}

}  // namespace

void LinkPreviewService::DeleteLinkPreview(CallContext& context,
                                           const v1::DeleteLinkPreviewRequest& request,
                                           Reply<v1::DeleteLinkPreviewResponse> reply) {
  CommitReply<v1::DeleteLinkPreviewResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx,
                                 v1::DeleteLinkPreviewResponse* response) -> absl::Status {
        const MessageId id(request.message_id());
        HEIM_ASSIGN_OR_RETURN(MessageAccess access,
                              AccessMessage(tx, context.caller, id, Permission::kReadChannel));
        const bool own = access.message.actor().id() == context.caller.actor_id.str();
        const Permission permission =
            own ? Permission::kDeleteOwnMessage : Permission::kDeleteAnyMessage;
        HEIM_RETURN_IF_ERROR(AccessMessage(tx, context.caller, id, permission).status());
        if (access.message.has_deleted_at()) {
          return MakeError(v1::ERROR_REASON_MESSAGE_DELETED, "The message was deleted");
        }
        tx.note.nothing = own;
        tx.note.bare = true;
        *response->mutable_message() = access.message;
        return Remove(tx, Acting{context.caller.actor_id, clock_.Now()},
                      access.access.workspace_id(), request.url(), response->mutable_message());
      },
      [this](const v1::DeleteLinkPreviewResponse&) { sweeper_.Sweep(); });
}

}  // namespace heim
