#include "server/service/saved_service.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/list_key.h"

namespace heim {
namespace {

// Items that one call looks at: hidden ones are left out, so that a page may end early.
constexpr size_t kLookedAtMax = 1000;

// An event that only the caller's own sessions hear. It belongs to no channel, so that the loss of
// the channel does not keep it from them.
v1::Event OwnEvent(const Caller& caller, absl::Time now) {
  v1::Event event;
  event.set_actor_id(caller.actor_id.str());
  event.set_to_actor_id(caller.actor_id.str());
  *event.mutable_timestamp() = ToTimestamp(now);
  return event;
}

absl::Status Save(WriteTx& tx, const Caller& caller, absl::Time now,
                  const v1::SaveMessageRequest& request, v1::SavedItem* item) {
  const MessageId id(request.message_id());
  HEIM_ASSIGN_OR_RETURN(const MessageAccess access,
                        AccessMessage(tx, caller, id, Permission::kReadChannel));
  if (access.message.has_deleted_at()) {
    return MakeError(v1::ERROR_REASON_MESSAGE_DELETED, "The message was deleted");
  }
  const SavedOwner owner{caller.actor_id, access.access.workspace_id()};
  HEIM_ASSIGN_OR_RETURN(const std::optional<v1::SavedItem> before,
                        tx.saved.Find(caller.actor_id, id));
  if (before.has_value()) {
    *item = *before;
    if (before->note() == request.note() && before->has_done_at() == request.done()) {
      return absl::OkStatus();
    }
  } else {
    HEIM_ASSIGN_OR_RETURN(const int64_t count, tx.saved.Count(owner));
    if (count >= kSavedItemsMax) {
      return MakeError(v1::ERROR_REASON_LIMIT_REACHED,
                       absl::StrCat("At most ", kSavedItemsMax, " saved items"));
    }
    item->set_message_id(id.str());
    item->set_channel_id(access.message.channel_id());
    *item->mutable_saved_at() = ToTimestamp(now);
  }
  item->set_note(request.note());
  if (!request.done()) {
    item->clear_done_at();
  } else if (!item->has_done_at()) {
    *item->mutable_done_at() = ToTimestamp(now);
  }
  HEIM_RETURN_IF_ERROR(tx.saved.Put(owner, *item));
  v1::Event event = OwnEvent(caller, now);
  *event.mutable_saved_updated()->mutable_item() = *item;
  return tx.Emit(owner.workspace, std::move(event)).status();
}

std::string FilterOf(const v1::ListSavedRequest& request) {
  return StrCat("saved/", !request.has_done() ? "all" : request.done() ? "done" : "open");
}

// Fills the page from the place in the filter, leaving out what the caller may not read.
absl::Status ListFrom(ReadTx& tx, const Caller& caller, SavedFilter place,
                      const std::string& filter, v1::ListSavedResponse* response) {
  const SavedOwner owner{caller.actor_id, caller.workspace_id};
  const uint32_t limit = place.limit;
  place.limit = limit + 1;
  for (size_t looked_at = 0;;) {
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::SavedItem> items, tx.saved.List(owner, place));
    if (items.empty()) return absl::OkStatus();
    for (v1::SavedItem& item : items) {
      if (response->saved_items_size() == static_cast<int>(limit) || looked_at == kLookedAtMax) {
        response->set_has_more(true);
        response->set_next_cursor(
            EncodeCursor(filter, StrCat(place.before_saved_at_ms, "|", place.before_message_id)));
        return absl::OkStatus();
      }
      ++looked_at;
      place.before_saved_at_ms = absl::ToUnixMillis(FromTimestamp(item.saved_at()));
      place.before_message_id = item.message_id();
      auto access =
          AccessMessage(tx, caller, MessageId(item.message_id()), Permission::kReadChannel);
      if (ReasonOf(access.status()) == v1::ERROR_REASON_MESSAGE_NOT_FOUND) continue;
      HEIM_RETURN_IF_ERROR(access.status());
      *item.mutable_message() = std::move(access->message);
      *response->add_saved_items() = std::move(item);
    }
  }
}

}  // namespace

void SavedService::SaveMessage(CallContext& context, const v1::SaveMessageRequest& request,
                               Reply<v1::SaveMessageResponse> reply) {
  CommitReply<v1::SaveMessageResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::SaveMessageResponse* response) {
        return Save(tx, context.caller, clock_.Now(), request, response->mutable_saved_item());
      });
}

void SavedService::UnsaveMessage(CallContext& context, const v1::UnsaveMessageRequest& request,
                                 Reply<v1::UnsaveMessageResponse> reply) {
  CommitReply<v1::UnsaveMessageResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::UnsaveMessageResponse*) -> absl::Status {
        HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
        const MessageId id(request.message_id());
        const SavedOwner owner{context.caller.actor_id, context.caller.workspace_id};
        HEIM_ASSIGN_OR_RETURN(const bool removed, tx.saved.Remove(owner, id));
        if (!removed) return absl::OkStatus();
        v1::Event event = OwnEvent(context.caller, clock_.Now());
        event.mutable_saved_removed()->set_message_id(id.str());
        return tx.Emit(owner.workspace, std::move(event)).status();
      });
}

void SavedService::ListSaved(CallContext& context, const v1::ListSavedRequest& request,
                             Reply<v1::ListSavedResponse> reply) {
  v1::ListSavedResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
    SavedFilter place;
    HEIM_ASSIGN_OR_RETURN(place.limit, PageLimit(request.limit()));
    if (request.has_done()) place.done = request.done();
    const std::string filter = FilterOf(request);
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(const std::string text, DecodeCursor(request.cursor(), filter));
      HEIM_ASSIGN_OR_RETURN(const ListKey key, ParseListKey(text));
      place.before_saved_at_ms = key.at_ms;
      place.before_message_id = key.id;
    }
    return ListFrom(tx, context.caller, place, filter, &response);
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

}  // namespace heim
