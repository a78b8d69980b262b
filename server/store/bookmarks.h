// Bookmarks: links at the head of channels. Rows and nothing else; rights are checked by services.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/bookmark.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

using BookmarkId = StrongId<struct BookmarkIdTag>;

class Bookmarks {
 public:
  explicit Bookmarks(SqlSession& session) : session_(&session) {}

  absl::Status Insert(const v1::Bookmark& bookmark);
  // BOOKMARK_NOT_FOUND, also for one of another channel.
  absl::StatusOr<v1::Bookmark> Get(const ChannelId& channel, const BookmarkId& id);
  absl::Status Update(const v1::Bookmark& bookmark);
  absl::Status Delete(const BookmarkId& id);
  absl::StatusOr<int64_t> Count(const ChannelId& channel);
  // Oldest first, after the given id; empty: from the first.
  absl::StatusOr<std::vector<v1::Bookmark>> List(const ChannelId& channel,
                                                 std::string_view after_id, uint32_t limit);

 private:
  SqlSession* session_;
};

}  // namespace heim
