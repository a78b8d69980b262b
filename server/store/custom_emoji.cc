#include "server/store/custom_emoji.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/store/sql_values.h"

namespace heim {
namespace {

#define HEIM_EMOJI_COLUMNS "id, workspace_id, name, url, created_by, created_at"

constexpr char kInsert[] =
    "INSERT INTO custom_emoji (" HEIM_EMOJI_COLUMNS
    ", blob_key, size_bytes, sha256) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
constexpr char kGet[] = "SELECT " HEIM_EMOJI_COLUMNS
                        ", blob_key, size_bytes, sha256 FROM custom_emoji "
                        "WHERE id = $1 AND workspace_id = $2";
constexpr char kCountNamed[] =
    "SELECT COUNT(*) FROM custom_emoji WHERE workspace_id = $1 AND name = $2";
constexpr char kCount[] = "SELECT COUNT(*) FROM custom_emoji WHERE workspace_id = $1";
constexpr char kList[] = "SELECT " HEIM_EMOJI_COLUMNS
                         " FROM custom_emoji WHERE workspace_id = $1 AND name > $2 "
                         "ORDER BY name LIMIT $3";
constexpr char kDelete[] = "DELETE FROM custom_emoji WHERE id = $1 AND workspace_id = $2";

v1::CustomEmoji ReadEmoji(const SqlRow& row) {
  v1::CustomEmoji emoji;
  emoji.set_id(TextOf(row, 0));
  emoji.set_workspace_id(TextOf(row, 1));
  emoji.set_name(TextOf(row, 2));
  emoji.set_url(TextOf(row, 3));
  emoji.set_created_by(TextOf(row, 4));
  *emoji.mutable_created_at() = TimestampOfMillis(row.Int(5));
  return emoji;
}

}  // namespace

absl::Status CustomEmojis::Insert(const EmojiRow& row) {
  const v1::CustomEmoji& emoji = row.emoji;
  const absl::Status status =
      session_
          ->Execute(kInsert,
                    {SqlText(emoji.id()), SqlText(emoji.workspace_id()), SqlText(emoji.name()),
                     SqlText(emoji.url()), SqlText(emoji.created_by()), SqlTime(emoji.created_at()),
                     SqlText(row.picture.blob_key), SqlValue(row.picture.size_bytes),
                     SqlText(row.picture.sha256)})
          .status();
  if (!IsTaken(status, "name")) return status;
  return MakeError(v1::ERROR_REASON_EMOJI_NAME_TAKEN, "Another emoji has this name");
}

absl::StatusOr<EmojiRow> CustomEmojis::Get(const WorkspaceId& workspace, std::string_view id) {
  EmojiRow found;
  const auto missing = [] {
    return MakeError(v1::ERROR_REASON_EMOJI_NOT_FOUND, "There is no such emoji");
  };
  HEIM_RETURN_IF_ERROR(
      QueryOne(*session_, kGet, {SqlText(id), SqlId(workspace)}, missing, [&](const SqlRow& row) {
        found.emoji = ReadEmoji(row);
        found.picture = {TextOf(row, 6), row.Int(7), TextOf(row, 8)};
        return absl::OkStatus();
      }));
  return found;
}

absl::StatusOr<bool> CustomEmojis::Exists(const WorkspaceId& workspace, std::string_view name) {
  HEIM_ASSIGN_OR_RETURN(const int64_t named,
                        QueryInt(*session_, kCountNamed, {SqlId(workspace), SqlText(name)}));
  return named > 0;
}

absl::StatusOr<int64_t> CustomEmojis::Count(const WorkspaceId& workspace) {
  return QueryInt(*session_, kCount, {SqlId(workspace)});
}

absl::StatusOr<std::vector<v1::CustomEmoji>> CustomEmojis::List(const WorkspaceId& workspace,
                                                                std::string_view after_name,
                                                                uint32_t limit) {
  std::vector<v1::CustomEmoji> found;
  HEIM_RETURN_IF_ERROR(session_->Query(
      kList, {SqlId(workspace), SqlText(after_name), SqlInt(limit)}, [&](const SqlRow& row) {
        found.push_back(ReadEmoji(row));
        return absl::OkStatus();
      }));
  return found;
}

absl::Status CustomEmojis::Delete(const WorkspaceId& workspace, std::string_view id) {
  return session_->Execute(kDelete, {SqlText(id), SqlId(workspace)}).status();
}

}  // namespace heim
