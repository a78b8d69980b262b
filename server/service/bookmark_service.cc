#include "server/service/bookmark_service.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/emoji.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/mask.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/membership.h"

namespace heim {
namespace {

// Brings title and emoji into the form in which they are kept. An empty emoji is none.
absl::Status Normalize(v1::Bookmark* bookmark) {
  bookmark->set_title(StripUnsafeControls(bookmark->title()));
  if (bookmark->title().empty()) return InvalidField("title", "a title of 1 to 80 characters");
  if (bookmark->url().empty()) return InvalidField("url", "an http, https or mailto address");
  if (bookmark->emoji().empty()) {
    bookmark->clear_emoji();
    return absl::OkStatus();
  }
  HEIM_ASSIGN_OR_RETURN(const std::string emoji, NormalizeEmoji(bookmark->emoji()));
  bookmark->set_emoji(emoji);
  return absl::OkStatus();
}

absl::Status Create(WriteTx& tx, const Acting& acting, const ChannelAccess& access,
                    v1::Bookmark* bookmark) {
  HEIM_ASSIGN_OR_RETURN(const int64_t count, tx.bookmarks.Count(access.id()));
  if (count >= kBookmarksMax) {
    return MakeError(v1::ERROR_REASON_LIMIT_REACHED,
                     absl::StrCat("A channel has at most ", kBookmarksMax, " bookmarks"));
  }
  HEIM_RETURN_IF_ERROR(Normalize(bookmark));
  HEIM_RETURN_IF_ERROR(tx.bookmarks.Insert(*bookmark));
  v1::Event event = ChannelEvent(acting, access.id());
  *event.mutable_bookmark_created()->mutable_bookmark() = *bookmark;
  return tx.Emit(access.workspace_id(), std::move(event)).status();
}

bool SameFields(const v1::Bookmark& a, const v1::Bookmark& b) {
  return a.title() == b.title() && a.url() == b.url() && a.emoji() == b.emoji();
}

absl::Status Update(WriteTx& tx, const Acting& acting, const v1::UpdateBookmarkRequest& request,
                    const std::vector<std::string>& mask, const ChannelAccess& access,
                    v1::Bookmark* bookmark) {
  HEIM_ASSIGN_OR_RETURN(const v1::Bookmark before,
                        tx.bookmarks.Get(access.id(), BookmarkId(request.bookmark_id())));
  if (request.has_expected_revision() && request.expected_revision() != before.revision()) {
    return RevisionConflict(before.revision());
  }
  *bookmark = before;
  for (const std::string& field : mask) {
    if (field == "title") bookmark->set_title(request.bookmark().title());
    if (field == "url") bookmark->set_url(request.bookmark().url());
    if (field == "emoji") bookmark->set_emoji(request.bookmark().emoji());
  }
  HEIM_RETURN_IF_ERROR(Normalize(bookmark));
  if (SameFields(*bookmark, before)) return absl::OkStatus();
  *bookmark->mutable_updated_at() = ToTimestamp(acting.at);
  bookmark->set_revision(before.revision() + 1);
  HEIM_RETURN_IF_ERROR(tx.bookmarks.Update(*bookmark));
  v1::Event event = ChannelEvent(acting, access.id());
  *event.mutable_bookmark_updated()->mutable_bookmark() = *bookmark;
  return tx.Emit(access.workspace_id(), std::move(event)).status();
}

}  // namespace

void BookmarkService::CreateBookmark(CallContext& context, const v1::CreateBookmarkRequest& request,
                                     Reply<v1::CreateBookmarkResponse> reply) {
  const std::string id = ids_.NewId();
  CommitReply<v1::CreateBookmarkResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, id](WriteTx& tx,
                                     v1::CreateBookmarkResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                              AccessChannel(tx, context.caller, ChannelId(request.channel_id()),
                                            Permission::kManageBookmarks));
        const Acting acting{context.caller.actor_id, clock_.Now()};
        v1::Bookmark& bookmark = *response->mutable_bookmark();
        bookmark.set_id(id);
        bookmark.set_channel_id(access.id().str());
        bookmark.set_title(request.title());
        bookmark.set_url(request.url());
        if (request.has_emoji()) bookmark.set_emoji(request.emoji());
        bookmark.set_created_by(acting.by.str());
        *bookmark.mutable_created_at() = ToTimestamp(acting.at);
        bookmark.set_revision(1);
        return Create(tx, acting, access, &bookmark);
      });
}

void BookmarkService::ListBookmarks(CallContext& context, const v1::ListBookmarksRequest& request,
                                    Reply<v1::ListBookmarksResponse> reply) {
  v1::ListBookmarksResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    const ChannelId channel(request.channel_id());
    HEIM_RETURN_IF_ERROR(
        AccessChannel(tx, context.caller, channel, Permission::kReadChannel).status());
    const std::string filter = StrCat(channel.str(), "/bookmarks");
    std::string after;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(after, DecodeCursor(request.cursor(), filter));
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::Bookmark> bookmarks,
                          tx.bookmarks.List(channel, after, limit + 1));
    if (bookmarks.size() > limit) {
      bookmarks.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(filter, bookmarks.back().id()));
    }
    for (v1::Bookmark& bookmark : bookmarks) *response.add_bookmarks() = std::move(bookmark);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void BookmarkService::UpdateBookmark(CallContext& context, const v1::UpdateBookmarkRequest& request,
                                     Reply<v1::UpdateBookmarkResponse> reply) {
  static constexpr std::array<std::string_view, 3> kFields = {"title", "url", "emoji"};
  const auto mask = EffectiveMask(request.update_mask(), request.bookmark(), kFields);
  if (!mask.ok()) return reply(mask.status());
  CommitReply<v1::UpdateBookmarkResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, mask = *mask](
          WriteTx& tx, v1::UpdateBookmarkResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                              AccessChannel(tx, context.caller, ChannelId(request.channel_id()),
                                            Permission::kManageBookmarks));
        return Update(tx, Acting{context.caller.actor_id, clock_.Now()}, request, mask, access,
                      response->mutable_bookmark());
      });
}

void BookmarkService::DeleteBookmark(CallContext& context, const v1::DeleteBookmarkRequest& request,
                                     Reply<v1::DeleteBookmarkResponse> reply) {
  CommitReply<v1::DeleteBookmarkResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx,
                                 v1::DeleteBookmarkResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const ChannelAccess access,
                              AccessChannel(tx, context.caller, ChannelId(request.channel_id()),
                                            Permission::kManageBookmarks));
        const BookmarkId id(request.bookmark_id());
        HEIM_ASSIGN_OR_RETURN(*response->mutable_bookmark(), tx.bookmarks.Get(access.id(), id));
        HEIM_RETURN_IF_ERROR(tx.bookmarks.Delete(id));
        const Acting acting{context.caller.actor_id, clock_.Now()};
        v1::Event event = ChannelEvent(acting, access.id());
        v1::BookmarkDeleted& deleted = *event.mutable_bookmark_deleted();
        deleted.set_channel_id(access.id().str());
        deleted.set_bookmark_id(id.str());
        deleted.set_removed_by(acting.by.str());
        return tx.Emit(access.workspace_id(), std::move(event)).status();
      });
}

}  // namespace heim
