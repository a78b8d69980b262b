// What an export reads beside what others read: whole lists, by id, in pages. Rows and nothing
// else; rights are checked by services. A view over a transaction's session: cheap to copy, same
// thread as the transaction. Calls block on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/workspace.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct ExportedMember {
  ActorId actor;
  v1::WorkspaceRole role = v1::WORKSPACE_ROLE_UNSPECIFIED;
  absl::Time joined_at;
  std::string email;  // empty: none
};

struct ExportedChannel {
  ChannelId id;
  std::string dm_key;  // empty: no direct messages
};

// Messages of a channel: after the first seq, up to and with the last.
struct SeqRange {
  uint64_t after = 0;
  uint64_t to = 0;
};

class Exports {
 public:
  explicit Exports(SqlSession& session) : session_(&session) {}

  // Lists are by id, after the given one; empty: from the first.

  absl::StatusOr<std::vector<ExportedMember>> Members(const WorkspaceId& workspace,
                                                      std::string_view after_id, uint32_t limit);
  absl::StatusOr<std::optional<ExportedMember>> MemberOf(const WorkspaceId& workspace,
                                                         const ActorId& actor);
  // The actor's own address; empty: none.
  absl::StatusOr<std::string> EmailOf(const ActorId& actor);
  absl::StatusOr<std::vector<std::string>> Groups(const WorkspaceId& workspace,
                                                  std::string_view after_id, uint32_t limit);
  absl::StatusOr<std::vector<ExportedChannel>> Channels(const WorkspaceId& workspace,
                                                        std::string_view after_id, uint32_t limit);
  absl::StatusOr<std::vector<MessageId>> AuthoredIn(const ChannelId& channel, const ActorId& actor,
                                                    const SeqRange& range);
  absl::StatusOr<std::vector<FileId>> FilesOf(const WorkspaceId& workspace, const ActorId& actor,
                                              std::string_view after_id, uint32_t limit);

 private:
  SqlSession* session_;
};

}  // namespace heim
