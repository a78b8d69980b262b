#include "server/store/bookmarks.h"

#include <string>
#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

constexpr char kInsert[] = "INSERT INTO bookmarks (id, channel_id, body) VALUES ($1, $2, $3)";
constexpr char kGet[] = "SELECT body FROM bookmarks WHERE id = $2 AND channel_id = $1";
constexpr char kUpdate[] = "UPDATE bookmarks SET body = $2 WHERE id = $1";
constexpr char kDelete[] = "DELETE FROM bookmarks WHERE id = $1";
constexpr char kCount[] = "SELECT COUNT(*) FROM bookmarks WHERE channel_id = $1";
// Ids rise with time.
constexpr char kList[] =
    "SELECT body FROM bookmarks WHERE channel_id = $1 AND id > $2 ORDER BY id LIMIT $3";

absl::Status BookmarkNotFound() { return NotFound(v1::ERROR_REASON_BOOKMARK_NOT_FOUND); }

}  // namespace

absl::Status Bookmarks::Insert(const v1::Bookmark& bookmark) {
  const std::string body = bookmark.SerializeAsString();
  return session_
      ->Execute(kInsert, {SqlText(bookmark.id()), SqlText(bookmark.channel_id()), SqlBlob(body)})
      .status();
}

absl::StatusOr<v1::Bookmark> Bookmarks::Get(const ChannelId& channel, const BookmarkId& id) {
  v1::Bookmark bookmark;
  HEIM_RETURN_IF_ERROR(QueryOne(*session_, kGet, {SqlId(channel), SqlId(id)}, BookmarkNotFound,
                                [&](const SqlRow& row) { return ParseColumn(row, 0, &bookmark); }));
  return bookmark;
}

absl::Status Bookmarks::Update(const v1::Bookmark& bookmark) {
  const std::string body = bookmark.SerializeAsString();
  return session_->Execute(kUpdate, {SqlText(bookmark.id()), SqlBlob(body)}).status();
}

absl::Status Bookmarks::Delete(const BookmarkId& id) {
  return session_->Execute(kDelete, {SqlId(id)}).status();
}

absl::StatusOr<int64_t> Bookmarks::Count(const ChannelId& channel) {
  return QueryInt(*session_, kCount, {SqlId(channel)});
}

absl::StatusOr<std::vector<v1::Bookmark>> Bookmarks::List(const ChannelId& channel,
                                                          std::string_view after_id,
                                                          uint32_t limit) {
  std::vector<v1::Bookmark> bookmarks;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kList, {SqlId(channel), SqlText(after_id), SqlInt(limit)},
      [&](const SqlRow& row) { return ParseColumn(row, 0, &bookmarks.emplace_back()); }));
  return bookmarks;
}

}  // namespace heim
