// The parts of MessageService that read beside pages: batches, and who reacted.
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/emoji.h"
#include "server/model/errors.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/message_service.h"

namespace heim {

void MessageService::BatchGetMessages(CallContext& context,
                                      const v1::BatchGetMessagesRequest& request,
                                      Reply<v1::BatchGetMessagesResponse> reply) {
  v1::BatchGetMessagesResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
    for (const std::string& id : request.message_ids()) {
      v1::MessageResult& result = *response.add_results();
      result.set_message_id(id);
      auto access = AccessMessage(tx, context.caller, MessageId(id), Permission::kReadChannel);
      if (access.ok()) {
        *result.mutable_message() = std::move(access->message);
      } else if (ReasonOf(access.status()) == v1::ERROR_REASON_MESSAGE_NOT_FOUND) {
        *result.mutable_error() = ToError(access.status(), context.request_id);
      } else {
        return access.status();
      }
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void MessageService::ListReactions(CallContext& context, const v1::ListReactionsRequest& request,
                                   Reply<v1::ListReactionsResponse> reply) {
  std::string emoji;
  if (!request.emoji().empty()) {
    auto normal = NormalizeEmoji(request.emoji());
    if (!normal.ok()) return reply(normal.status());
    emoji = *std::move(normal);
  }
  v1::ListReactionsResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    const MessageId id(request.message_id());
    HEIM_RETURN_IF_ERROR(AccessMessage(tx, context.caller, id, Permission::kReadChannel).status());
    const std::string filter = StrCat(id.str(), "/reactions/", emoji);
    uint64_t after = 0;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(const std::string text, DecodeCursor(request.cursor(), filter));
      if (!absl::SimpleAtoi(text, &after)) {
        return MakeError(v1::ERROR_REASON_INVALID_CURSOR, "The page cursor is not one of ours");
      }
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<PlacedReaction> reactions,
                          tx.reactions.List(id, emoji, after, limit + 1));
    if (reactions.size() > limit) {
      reactions.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(filter, absl::StrCat(reactions.back().place)));
    }
    for (PlacedReaction& placed : reactions) {
      *response.add_reactions() = std::move(placed.reaction);
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

}  // namespace heim
