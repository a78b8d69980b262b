// Custom emoji of workspaces: names, and where the bytes lie in the blob store.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/emoji.pb.h"
#include "server/model/ids.h"
#include "server/store/avatars.h"
#include "server/store/sql.h"

namespace heim {

struct EmojiRow {
  v1::CustomEmoji emoji;
  StoredPicture picture;
};

class CustomEmojis {
 public:
  explicit CustomEmojis(SqlSession& session) : session_(&session) {}

  // EMOJI_NAME_TAKEN.
  absl::Status Insert(const EmojiRow& row);
  // EMOJI_NOT_FOUND, also for one of another workspace.
  absl::StatusOr<EmojiRow> Get(const WorkspaceId& workspace, std::string_view id);
  absl::StatusOr<bool> Exists(const WorkspaceId& workspace, std::string_view name);
  absl::StatusOr<int64_t> Count(const WorkspaceId& workspace);
  // By name, after the given one.
  absl::StatusOr<std::vector<v1::CustomEmoji>> List(const WorkspaceId& workspace,
                                                    std::string_view after_name, uint32_t limit);
  absl::Status Delete(const WorkspaceId& workspace, std::string_view id);

 private:
  SqlSession* session_;
};

}  // namespace heim
