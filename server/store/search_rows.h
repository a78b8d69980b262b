// SearchRows are the rows that search reads beside messages: the channels among which a caller
// finds something, and messages in an order in which all of them can be indexed. Rows and nothing
// else; rights are checked by services. A view over a transaction's session: cheap to copy, same
// thread as the transaction. Calls block on the database.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/channel.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

// A channel as one actor stands to it.
struct StandingRow {
  ChannelId id;
  std::string name;
  v1::ChannelType type = v1::CHANNEL_TYPE_UNSPECIFIED;
  v1::HistoryVisibility history_visibility = v1::HISTORY_VISIBILITY_UNSPECIFIED;
  uint64_t open_from_seq = 0;  // for those who are not members
  bool is_member = false;
  v1::ChannelRole role = v1::CHANNEL_ROLE_UNSPECIFIED;
  uint64_t history_from_seq = 0;  // of a member
};

// A message of a workspace.
struct MessageOf {
  MessageId id;
  WorkspaceId workspace_id;
};

class SearchRows {
 public:
  explicit SearchRows(SqlSession& session) : session_(&session) {}

  // Public channels of the workspace and those of the actor, archived ones too.
  absl::StatusOr<std::vector<StandingRow>> Standings(const WorkspaceId& workspace,
                                                     const ActorId& actor);
  // Messages of all workspaces with ids below `before`, the greatest first.
  absl::StatusOr<std::vector<MessageOf>> MessagesBefore(std::string_view before, uint32_t limit);

 private:
  SqlSession* session_;
};

}  // namespace heim
