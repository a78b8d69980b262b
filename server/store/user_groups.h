// User groups and their members, and whom a mention of a group called. Rows and nothing else;
// rights are checked by services. A view over a transaction's session: cheap to copy, same thread
// as the transaction. Calls block on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "heim/v1/actor.pb.h"
#include "heim/v1/group.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

class UserGroups {
 public:
  explicit UserGroups(SqlSession& session) : session_(&session) {}

  // Without members. GROUP_HANDLE_TAKEN.
  absl::Status Insert(const v1::UserGroup& group);
  // With the ids of its members. GROUP_NOT_FOUND.
  absl::StatusOr<v1::UserGroup> Get(const WorkspaceId& workspace, const GroupId& id);
  // Writes handle, name, description, updated_at and revision. GROUP_HANDLE_TAKEN.
  absl::Status Update(const v1::UserGroup& group);
  // With its members. Whom it has called before stays called.
  absl::Status Delete(const GroupId& id);
  // By handle after the given one; `q` is part of handle or name. Without the ids of members.
  absl::StatusOr<std::vector<v1::UserGroup>> List(const WorkspaceId& workspace, std::string_view q,
                                                  std::string_view after_handle, uint32_t limit);
  absl::StatusOr<int64_t> Count(const WorkspaceId& workspace);
  // Handle and id of those of the handles that exist.
  absl::StatusOr<std::vector<std::pair<std::string, GroupId>>> ResolveHandles(
      const WorkspaceId& workspace, absl::Span<const std::string> handles);

  // False when it was there already.
  absl::StatusOr<bool> AddMember(const GroupId& id, const ActorId& actor);
  // False when it was not there.
  absl::StatusOr<bool> RemoveMember(const GroupId& id, const ActorId& actor);
  struct Listed {
    uint64_t place = 0;
    v1::ActorRef actor;
  };
  // In the order of their coming, after the place.
  absl::StatusOr<std::vector<Listed>> ListMembers(const GroupId& id, uint64_t after_place,
                                                  uint32_t limit);
  absl::StatusOr<std::vector<GroupId>> GroupsOf(const WorkspaceId& workspace, const ActorId& actor);

 private:
  SqlSession* session_;
};

// Members of a channel whom a message calls without naming them: those of a group, or those who
// were present.
class GroupCalls {
 public:
  explicit GroupCalls(SqlSession& session) : session_(&session) {}

  // How those are called who were present.
  static constexpr std::string_view kHere = "here";

  // The members of the group that are in the channel now, but for the author.
  absl::Status CallGroup(const ChannelId& channel, uint64_t seq, const GroupId& group);
  absl::Status CallPresent(const ChannelId& channel, uint64_t seq,
                           absl::Span<const ActorId> actors);
  // Everybody in the channel, by id; for asking who is present.
  absl::StatusOr<std::vector<ActorId>> MembersOf(const ChannelId& channel);
  // Whom the message calls as this group, or as `here`.
  absl::StatusOr<std::vector<ActorId>> CalledAs(const ChannelId& channel, uint64_t seq,
                                                std::string_view called_as);

 private:
  absl::Status Mention(const ChannelId& channel, uint64_t seq, std::string_view called_as);

  SqlSession* session_;
};

}  // namespace heim
