#include "server/service/thread_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "server/base/ids.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/following.h"
#include "server/service/read_cursors.h"

namespace heim {
namespace {

// The thread that a message belongs to, root or reply, and its root as the caller may read it.
struct ThreadAccess {
  ThreadPlace place;
  v1::Message root;
};

absl::StatusOr<ThreadAccess> AccessThread(ReadTx& tx, const Caller& caller, const std::string& id,
                                          Permission permission) {
  HEIM_ASSIGN_OR_RETURN(MessageAccess access, AccessMessage(tx, caller, MessageId(id), permission));
  if (access.message.has_thread_id()) {
    HEIM_ASSIGN_OR_RETURN(
        access, AccessMessage(tx, caller, MessageId(access.message.thread_id()), permission));
  }
  const ThreadPlace place = PlaceOf(access.access.workspace_id(), access.message);
  return ThreadAccess{place, std::move(access.message)};
}

// Following begins or ends; nothing is told when it did before.
absl::StatusOr<v1::ThreadState> SetFollowing(WriteTx& tx, const CallContext& context,
                                             const std::string& message, absl::Time now,
                                             Following wanted) {
  const Acting acting{context.caller.actor_id, now};
  HEIM_ASSIGN_OR_RETURN(const ThreadAccess thread,
                        AccessThread(tx, context.caller, message, Permission::kMarkRead));
  HEIM_ASSIGN_OR_RETURN(const v1::ThreadState before, tx.follows.StateOf(thread.place, acting.by));
  HEIM_ASSIGN_OR_RETURN(const std::vector<ThreadStanding> said,
                        tx.follows.StandingOf(thread.place, {acting.by.str()}));
  if (!said.empty() && said.front().following == wanted) return before;
  // Who comes by itself has seen what is there; an end of following says nothing about reading.
  const uint64_t cursor = wanted == Following::kFollows ? before.last_reply_seq() : 0;
  HEIM_RETURN_IF_ERROR(tx.follows.Set(thread.place, acting.by, wanted, cursor));
  return EmitThreadUpdated(tx, acting, thread.place, acting.by);
}

// A thread whose root may not be read is left out.
absl::Status AddRoots(ReadTx& tx, const Caller& caller, std::vector<v1::ThreadState>* threads) {
  for (v1::ThreadState& thread : *threads) {
    auto access =
        AccessMessage(tx, caller, MessageId(thread.thread_id()), Permission::kReadChannel);
    if (absl::IsNotFound(access.status())) continue;
    HEIM_RETURN_IF_ERROR(access.status());
    *thread.mutable_root() = std::move(access->message);
  }
  std::erase_if(*threads, [](const v1::ThreadState& thread) { return !thread.has_root(); });
  return absl::OkStatus();
}

std::string FollowedKey(const v1::ThreadState& last) {
  return StrCat(absl::ToUnixMillis(FromTimestamp(last.last_reply_at())), "|", last.thread_id());
}

absl::Status ParseFollowedKey(const std::string& key, FollowedPage* page) {
  const std::vector<std::string> parts = absl::StrSplit(key, '|');
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &page->before_millis)) {
    return MakeError(v1::ERROR_REASON_INVALID_CURSOR, "The page cursor is not one of ours");
  }
  page->before_id = parts[1];
  return absl::OkStatus();
}

}  // namespace

void ThreadService::FollowThread(CallContext& context, const v1::FollowThreadRequest& request,
                                 Reply<v1::FollowThreadResponse> reply) {
  CommitReply<v1::FollowThreadResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::FollowThreadResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(
            *response->mutable_thread(),
            SetFollowing(tx, context, request.message_id(), clock_.Now(), Following::kFollows));
        return absl::OkStatus();
      });
}

void ThreadService::UnfollowThread(CallContext& context, const v1::UnfollowThreadRequest& request,
                                   Reply<v1::UnfollowThreadResponse> reply) {
  CommitReply<v1::UnfollowThreadResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx,
                                 v1::UnfollowThreadResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(
            *response->mutable_thread(),
            SetFollowing(tx, context, request.message_id(), clock_.Now(), Following::kUnfollowed));
        return absl::OkStatus();
      });
}

void ThreadService::GetThreadState(CallContext& context, const v1::GetThreadStateRequest& request,
                                   Reply<v1::GetThreadStateResponse> reply) {
  v1::GetThreadStateResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(
        const ThreadAccess thread,
        AccessThread(tx, context.caller, request.message_id(), Permission::kReadChannel));
    HEIM_ASSIGN_OR_RETURN(*response.mutable_thread(),
                          tx.follows.StateOf(thread.place, context.caller.actor_id));
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void ThreadService::ListFollowedThreads(CallContext& context,
                                        const v1::ListFollowedThreadsRequest& request,
                                        Reply<v1::ListFollowedThreadsResponse> reply) {
  v1::ListFollowedThreadsResponse response;
  const std::string_view filter = request.unread() ? "threads/unread" : "threads";
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    const Caller& caller = context.caller;
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kReadWorkspace));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    HEIM_ASSIGN_OR_RETURN(const LogHead head, tx.log.Head(caller.workspace_id));
    response.set_log_cursor(FormatLogCursor({head.epoch, head.position}));
    FollowedPage page;
    page.unread_only = request.unread();
    page.limit = limit + 1;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(const std::string key, DecodeCursor(request.cursor(), filter));
      HEIM_RETURN_IF_ERROR(ParseFollowedKey(key, &page));
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::ThreadState> threads,
                          tx.follows.ListFollowed(caller.workspace_id, caller.actor_id, page));
    if (threads.size() > limit) {
      threads.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(filter, FollowedKey(threads.back())));
    }
    HEIM_RETURN_IF_ERROR(AddRoots(tx, caller, &threads));
    for (v1::ThreadState& thread : threads) *response.add_threads() = std::move(thread);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void ThreadService::ListThreads(CallContext& context, const v1::ListThreadsRequest& request,
                                Reply<v1::ListThreadsResponse> reply) {
  v1::ListThreadsResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    const ChannelId channel(request.channel_id());
    HEIM_RETURN_IF_ERROR(
        AccessChannel(tx, context.caller, channel, Permission::kReadChannel).status());
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    uint64_t before = 0;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(const std::string key, DecodeCursor(request.cursor(), channel.str()));
      if (!absl::SimpleAtoi(key, &before)) {
        return MakeError(v1::ERROR_REASON_INVALID_CURSOR, "The page cursor is not one of ours");
      }
    }
    HEIM_ASSIGN_OR_RETURN(
        std::vector<v1::ThreadState> threads,
        tx.follows.ListOfChannel(channel, context.caller.actor_id, before, limit + 1));
    if (threads.size() > limit) {
      threads.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(
          EncodeCursor(channel.str(), StrCat(threads.back().last_reply_seq())));
    }
    HEIM_RETURN_IF_ERROR(AddRoots(tx, context.caller, &threads));
    for (v1::ThreadState& thread : threads) {
      // Older than the caller's history: the whole thread is.
      if (thread.has_root()) *response.add_threads() = std::move(thread);
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void ThreadService::MarkThreadsRead(CallContext& context, const v1::MarkThreadsReadRequest& request,
                                    Reply<v1::MarkThreadsReadResponse> reply) {
  const auto up_to = ParseLogCursor(request.up_to());
  if (!up_to.ok()) return reply(up_to.status());
  CommitReply<v1::MarkThreadsReadResponse>(
      store_, context, std::move(reply),
      [this, &context, up_to = *up_to](WriteTx& tx,
                                       v1::MarkThreadsReadResponse* response) -> absl::Status {
        const Acting acting{context.caller.actor_id, clock_.Now()};
        const WorkspaceId& workspace = context.caller.workspace_id;
        HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadWorkspace));
        HEIM_ASSIGN_OR_RETURN(const LogHead head, tx.log.Head(workspace));
        if (up_to.epoch != head.epoch || up_to.position > head.position) {
          return MakeError(v1::ERROR_REASON_INVALID_CURSOR, "The place is not one of this log");
        }
        HEIM_ASSIGN_OR_RETURN(
            std::vector<ThreadFollows::Readable> unread,
            tx.follows.UnreadUpTo(workspace, acting.by, up_to.position, kThreadsMarkedMax + 1));
        if (unread.size() > kThreadsMarkedMax) {
          unread.resize(kThreadsMarkedMax);
          response->set_has_more(true);
        }
        for (const ThreadFollows::Readable& thread : unread) {
          HEIM_RETURN_IF_ERROR(
              tx.members.MarkThreadRead(thread.place.root, acting.by, thread.seq, acting.at)
                  .status());
          HEIM_ASSIGN_OR_RETURN(
              const v1::ReadState state,
              tx.members.ReadStateOf(thread.place.channel, acting.by, thread.place.root));
          HEIM_RETURN_IF_ERROR(EmitReadUpdated(tx, acting, workspace, state));
          HEIM_ASSIGN_OR_RETURN(*response->add_threads(),
                                tx.follows.StateOf(thread.place, acting.by));
        }
        return absl::OkStatus();
      });
}

}  // namespace heim
