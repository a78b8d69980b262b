// BookmarkService: links at the head of channels (proto/heim/v1/bookmark_service.proto says what
// each call needs, emits and fails with). Owned by app. Thread-safe. Handlers run on the Executor;
// reads block for a bounded time.
#pragma once

#include "heim/v1/bookmark_service.pb.h"
#include "server/base/clock.h"
#include "server/base/ids.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

class BookmarkService {
 public:
  BookmarkService(Store& store, Clock& clock, Ids& ids) : store_(store), clock_(clock), ids_(ids) {}

  void CreateBookmark(CallContext& context, const v1::CreateBookmarkRequest& request,
                      Reply<v1::CreateBookmarkResponse> reply);
  void ListBookmarks(CallContext& context, const v1::ListBookmarksRequest& request,
                     Reply<v1::ListBookmarksResponse> reply);
  void UpdateBookmark(CallContext& context, const v1::UpdateBookmarkRequest& request,
                      Reply<v1::UpdateBookmarkResponse> reply);
  void DeleteBookmark(CallContext& context, const v1::DeleteBookmarkRequest& request,
                      Reply<v1::DeleteBookmarkResponse> reply);

 private:
  Store& store_;
  Clock& clock_;
  Ids& ids_;
};

}  // namespace heim
