#include "server/service/draft_service.h"

#include <optional>
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
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/draft_writes.h"
#include "server/service/message_writes.h"

namespace heim {
namespace {

constexpr std::string_view kPageFilter = "drafts";

// Where the draft of a request belongs. A thread that is not there has no draft either.
template <class Request>
absl::StatusOr<DraftPlace> PlaceOf(ReadTx& tx, const Caller& caller, const Request& request) {
  DraftPlace place{caller.actor_id, ChannelId(request.channel_id()), MessageId()};
  if (!request.has_thread_id()) return place;
  place.thread = MessageId(request.thread_id());
  const auto access = AccessChannel(tx, caller, place.channel, Permission::kReadChannel);
  if (ReasonOf(access.status()) == v1::ERROR_REASON_CHANNEL_NOT_FOUND) return place;
  HEIM_RETURN_IF_ERROR(access.status());
  const auto root = ThreadRoot(tx, *access, place.thread);
  if (root.ok()) {
    place.thread = *root;
  } else if (ReasonOf(root.status()) != v1::ERROR_REASON_MESSAGE_NOT_FOUND) {
    return root.status();
  }
  return place;
}

v1::Draft EmptyDraft(const DraftPlace& place) {
  v1::Draft draft;
  draft.set_channel_id(place.channel.str());
  if (!place.thread.empty()) draft.set_thread_id(place.thread.str());
  return draft;
}

template <class Request>
absl::Status CheckRevision(const std::optional<DraftRow>& before, const Request& request) {
  const uint32_t current = before.has_value() ? before->draft.revision() : 0;
  if (!request.has_expected_revision() || request.expected_revision() == current) {
    return absl::OkStatus();
  }
  return RevisionConflict(current);
}

// What the request says, in the form that messages have; nullopt when it says nothing.
absl::StatusOr<std::optional<v1::Draft>> DraftIn(const v1::SaveDraftRequest& request,
                                                 const DraftPlace& place) {
  v1::Message message;
  message.set_content(request.content());
  *message.mutable_attachments() = request.attachments();
  const absl::Status good = NormalizeMessageContent(&message);
  if (ReasonOf(good) == v1::ERROR_REASON_CONTENT_EMPTY) return std::optional<v1::Draft>();
  if (!good.ok()) return good;
  v1::Draft draft = EmptyDraft(place);
  draft.set_content(std::move(*message.mutable_content()));
  draft.set_content_type(request.content_type() == v1::CONTENT_TYPE_UNSPECIFIED
                             ? v1::CONTENT_TYPE_MARKDOWN
                             : request.content_type());
  *draft.mutable_attachments() = std::move(*message.mutable_attachments());
  return std::optional<v1::Draft>(std::move(draft));
}

bool SaysTheSame(const v1::Draft& a, const v1::Draft& b) {
  if (a.content() != b.content() || a.content_type() != b.content_type() ||
      a.attachments_size() != b.attachments_size()) {
    return false;
  }
  for (int i = 0; i < a.attachments_size(); ++i) {
    if (a.attachments(i).file_id() != b.attachments(i).file_id()) return false;
  }
  return true;
}

absl::Status CheckRoom(ReadTx& tx, const WorkspaceId& workspace, const ActorId& actor) {
  HEIM_ASSIGN_OR_RETURN(const int64_t count, tx.message_drafts.Count(workspace, actor));
  if (count < kDraftsPerActorMax) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_LIMIT_REACHED,
                   StrCat("There are ", kDraftsPerActorMax, " drafts, which is the limit"));
}

absl::Status Save(WriteTx& tx, const CallContext& context, const v1::SaveDraftRequest& request,
                  absl::Time now, v1::Draft* kept) {
  const Caller& caller = context.caller;
  HEIM_ASSIGN_OR_RETURN(
      const ChannelAccess access,
      AccessChannel(tx, caller, ChannelId(request.channel_id()), Permission::kPost));
  const WorkspaceId workspace = access.workspace_id();
  DraftPlace place{caller.actor_id, access.id(), MessageId()};
  if (request.has_thread_id()) {
    HEIM_ASSIGN_OR_RETURN(place.thread, ThreadRoot(tx, access, MessageId(request.thread_id())));
  }
  HEIM_ASSIGN_OR_RETURN(const std::optional<DraftRow> before, tx.message_drafts.Find(place));
  HEIM_RETURN_IF_ERROR(CheckRevision(before, request));
  HEIM_ASSIGN_OR_RETURN(std::optional<v1::Draft> draft, DraftIn(request, place));
  const Acting acting{caller.actor_id, now};
  if (!draft.has_value()) {
    *kept = EmptyDraft(place);
    return ThrowAwayDraft(tx, acting, workspace, place).status();
  }
  if (before.has_value() && SaysTheSame(before->draft, *draft)) {
    *kept = before->draft;
    return absl::OkStatus();
  }
  if (!before.has_value()) HEIM_RETURN_IF_ERROR(CheckRoom(tx, workspace, caller.actor_id));
  HEIM_RETURN_IF_ERROR(
      FillUnsentAttachments(tx, workspace, caller.actor_id, draft->mutable_attachments()));
  draft->set_revision(before.has_value() ? before->draft.revision() + 1 : 1);
  *draft->mutable_updated_at() = ToTimestamp(now);
  HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace));
  HEIM_RETURN_IF_ERROR(tx.message_drafts.Put(caller.actor_id, {*draft, workspace, position}));
  v1::Event event = ChannelEvent(acting, place.channel);
  event.set_to_actor_id(caller.actor_id.str());
  *event.mutable_draft_updated()->mutable_draft() = *draft;
  *kept = *std::move(draft);
  return tx.Emit(workspace, std::move(event)).status();
}

std::string KeyOf(const v1::Draft& draft) {
  return StrCat(absl::ToUnixMillis(FromTimestamp(draft.updated_at())), "|", draft.channel_id(), "|",
                draft.thread_id());
}

absl::Status SetPlace(const std::string& key, DraftPage* page) {
  const std::vector<std::string> parts = absl::StrSplit(key, '|');
  if (parts.size() != 3 || !absl::SimpleAtoi(parts[0], &page->before_ms)) {
    return MakeError(v1::ERROR_REASON_INVALID_CURSOR);
  }
  page->before_channel = parts[1];
  page->before_thread = parts[2];
  return absl::OkStatus();
}

}  // namespace

void DraftService::SaveDraft(CallContext& context, const v1::SaveDraftRequest& request,
                             Reply<v1::SaveDraftResponse> reply) {
  CommitReply<v1::SaveDraftResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::SaveDraftResponse* response) {
        return Save(tx, context, request, clock_.Now(), response->mutable_draft());
      });
}

void DraftService::GetDraft(CallContext& context, const v1::GetDraftRequest& request,
                            Reply<v1::GetDraftResponse> reply) {
  v1::GetDraftResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(
        AccessChannel(tx, context.caller, ChannelId(request.channel_id()), Permission::kReadChannel)
            .status());
    HEIM_ASSIGN_OR_RETURN(const DraftPlace place, PlaceOf(tx, context.caller, request));
    HEIM_ASSIGN_OR_RETURN(std::optional<DraftRow> found, tx.message_drafts.Find(place));
    if (!found.has_value()) return NotFound(v1::ERROR_REASON_DRAFT_NOT_FOUND);
    *response.mutable_draft() = std::move(found->draft);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void DraftService::DeleteDraft(CallContext& context, const v1::DeleteDraftRequest& request,
                               Reply<v1::DeleteDraftResponse> reply) {
  CommitReply<v1::DeleteDraftResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx, v1::DeleteDraftResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                              AccessChannel(tx, context.caller, ChannelId(request.channel_id()),
                                            Permission::kReadChannel));
        HEIM_ASSIGN_OR_RETURN(const DraftPlace place, PlaceOf(tx, context.caller, request));
        HEIM_ASSIGN_OR_RETURN(const std::optional<DraftRow> before, tx.message_drafts.Find(place));
        if (before.has_value()) HEIM_RETURN_IF_ERROR(CheckRevision(before, request));
        *response->mutable_draft() = EmptyDraft(place);
        return ThrowAwayDraft(tx, Acting{context.caller.actor_id, clock_.Now()},
                              access.workspace_id(), place)
            .status();
      });
}

void DraftService::ListDrafts(CallContext& context, const v1::ListDraftsRequest& request,
                              Reply<v1::ListDraftsResponse> reply) {
  v1::ListDraftsResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole role,
                          CheckWorkspaceRole(tx, context.caller, Permission::kReadWorkspace));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    DraftPage page;
    page.actor = context.caller.actor_id;
    page.workspace = context.caller.workspace_id;
    page.member_only = role == v1::WORKSPACE_ROLE_GUEST;
    page.limit = limit + 1;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(const std::string key, DecodeCursor(request.cursor(), kPageFilter));
      HEIM_RETURN_IF_ERROR(SetPlace(key, &page));
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::Draft> drafts, tx.message_drafts.List(page));
    if (drafts.size() > limit) {
      drafts.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(kPageFilter, KeyOf(drafts.back())));
    }
    for (v1::Draft& draft : drafts) *response.add_drafts() = std::move(draft);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

}  // namespace heim
