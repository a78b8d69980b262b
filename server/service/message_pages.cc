// The half of MessageService that reads pages: a channel's history and threads.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/message_service.h"

namespace heim {
namespace {

std::string FilterOf(const v1::ListMessagesRequest& request) {
  return StrCat(request.channel_id(), request.include_replies() ? "/all" : "/top");
}

// Key of a page cursor: the direction and the last seq of the page.
struct PageKey {
  bool ascending = false;
  uint64_t seq = 0;
};

std::string FormatKey(const PageKey& key) { return StrCat(key.ascending ? "a" : "d", key.seq); }

absl::StatusOr<PageKey> ParseKey(const std::string& text) {
  PageKey key;
  if (text.empty() || (text[0] != 'a' && text[0] != 'd') ||
      !absl::SimpleAtoi(text.substr(1), &key.seq)) {
    return MakeError(v1::ERROR_REASON_INVALID_CURSOR, "The page cursor is not one of ours");
  }
  key.ascending = text[0] == 'a';
  return key;
}

absl::Status CheckAnchors(const v1::ListMessagesRequest& request) {
  const int given = int{!request.cursor().empty()} + int{!request.before().empty()} +
                    int{!request.after().empty()} + int{!request.around().empty()};
  if (given <= 1) return absl::OkStatus();
  return InvalidField("cursor", "at most one of cursor, before, after and around");
}

// seq of a message that must lie in the channel and in the caller's history.
absl::StatusOr<uint64_t> SeqOf(ReadTx& tx, const ChannelAccess& access, const std::string& id) {
  HEIM_ASSIGN_OR_RETURN(const v1::Message message, MessageIn(tx, access, MessageId(id)));
  return message.seq();
}

// Reads one message more than wanted to know whether more follow.
absl::Status ReadPage(ReadTx& tx, const ChannelAccess& access, MessagePage page, uint32_t limit,
                      const std::string& filter, v1::ListMessagesResponse* response) {
  page.limit = limit + 1;
  page.from_seq = access.history_from_seq();
  HEIM_ASSIGN_OR_RETURN(std::vector<v1::Message> messages, tx.messages.List(access.id(), page));
  if (messages.size() > limit) {
    messages.resize(limit);
    response->set_has_more(true);
    response->set_next_cursor(
        EncodeCursor(filter, FormatKey({page.ascending, messages.back().seq()})));
  }
  for (v1::Message& message : messages) *response->add_messages() = std::move(message);
  return absl::OkStatus();
}

// Oldest first, the anchor in the middle; goes on in ascending direction.
absl::Status ReadAround(ReadTx& tx, const ChannelAccess& access, uint64_t anchor,
                        const v1::ListMessagesRequest& request, uint32_t limit,
                        v1::ListMessagesResponse* response) {
  MessagePage before;
  before.before_seq = anchor;
  before.include_replies = request.include_replies();
  before.from_seq = access.history_from_seq();
  before.limit = (limit - 1) / 2;
  std::vector<v1::Message> older;
  if (before.limit > 0) {
    HEIM_ASSIGN_OR_RETURN(older, tx.messages.List(access.id(), before));
  }
  std::reverse(older.begin(), older.end());
  for (v1::Message& message : older) *response->add_messages() = std::move(message);
  MessagePage after;
  after.ascending = true;
  after.after_seq = anchor - 1;
  after.include_replies = request.include_replies();
  return ReadPage(tx, access, after, limit - static_cast<uint32_t>(older.size()), FilterOf(request),
                  response);
}

absl::Status ReadHistory(ReadTx& tx, const ChannelAccess& access,
                         const v1::ListMessagesRequest& request, uint32_t limit,
                         v1::ListMessagesResponse* response) {
  MessagePage page;
  page.include_replies = request.include_replies();
  if (!request.around().empty()) {
    HEIM_ASSIGN_OR_RETURN(const uint64_t anchor, SeqOf(tx, access, request.around()));
    return ReadAround(tx, access, anchor, request, limit, response);
  }
  if (!request.cursor().empty()) {
    HEIM_ASSIGN_OR_RETURN(const std::string text,
                          DecodeCursor(request.cursor(), FilterOf(request)));
    HEIM_ASSIGN_OR_RETURN(const PageKey key, ParseKey(text));
    page.ascending = key.ascending;
    (key.ascending ? page.after_seq : page.before_seq) = key.seq;
  } else if (!request.before().empty()) {
    HEIM_ASSIGN_OR_RETURN(page.before_seq, SeqOf(tx, access, request.before()));
  } else if (!request.after().empty()) {
    page.ascending = true;
    HEIM_ASSIGN_OR_RETURN(page.after_seq, SeqOf(tx, access, request.after()));
  }
  return ReadPage(tx, access, page, limit, FilterOf(request), response);
}

absl::StatusOr<std::string> LogCursorOf(ReadTx& tx, const v1::Channel& channel) {
  HEIM_ASSIGN_OR_RETURN(const LogHead head, tx.log.Head(WorkspaceId(channel.workspace_id())));
  return FormatLogCursor({head.epoch, head.position});
}

}  // namespace

void MessageService::ListMessages(CallContext& context, const v1::ListMessagesRequest& request,
                                  Reply<v1::ListMessagesResponse> reply) {
  v1::ListMessagesResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckAnchors(request));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                          AccessChannel(tx, context.caller, ChannelId(request.channel_id()),
                                        Permission::kReadChannel));
    HEIM_ASSIGN_OR_RETURN(*response.mutable_log_cursor(), LogCursorOf(tx, access.channel()));
    return ReadHistory(tx, access, request, limit, &response);
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void MessageService::ListThread(CallContext& context, const v1::ListThreadRequest& request,
                                Reply<v1::ListThreadResponse> reply) {
  v1::ListThreadResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    HEIM_ASSIGN_OR_RETURN(MessageAccess access,
                          AccessMessage(tx, context.caller, MessageId(request.message_id()),
                                        Permission::kReadChannel));
    HEIM_ASSIGN_OR_RETURN(*response.mutable_log_cursor(), LogCursorOf(tx, access.access.channel()));
    v1::Message root = std::move(access.message);
    if (root.has_thread_id()) {
      HEIM_ASSIGN_OR_RETURN(root, tx.messages.Get(MessageId(root.thread_id())));
    }
    // A reply may be newer than the caller's history, and its root older.
    if (access.access.MayRead(root)) *response.mutable_root() = root;
    const uint64_t from = access.access.history_from_seq();
    uint64_t after = from == 0 ? 0 : from - 1;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(const std::string text, DecodeCursor(request.cursor(), root.id()));
      HEIM_ASSIGN_OR_RETURN(const PageKey key, ParseKey(text));
      after = std::max(after, key.seq);
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::Message> replies,
                          tx.messages.ListThread(MessageId(root.id()), after, limit + 1));
    if (replies.size() > limit) {
      replies.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(root.id(), FormatKey({true, replies.back().seq()})));
    }
    for (v1::Message& message : replies) *response.add_messages() = std::move(message);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

}  // namespace heim
