// Actors: people, agents, the system, and agents' profiles. Rows and nothing else; rights are
// checked by services. A view over a transaction's session: cheap to copy, same thread as the
// transaction. Calls block on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "heim/v1/actor.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct ActorFilter {
  std::string q;  // part of username or display name, case-folded
  v1::ActorType type = v1::ACTOR_TYPE_UNSPECIFIED;
  // Agents only.
  std::string capability;
  std::string framework;
  std::optional<ActorId> owner;
  bool only_paused = false;
  bool include_deactivated = false;
  std::optional<ActorId> shares_channel_with;  // guests: only members of their channels
  std::string after_username;
  uint32_t limit = 50;
};

class Actors {
 public:
  explicit Actors(SqlSession& session) : session_(&session) {}

  // Inserts actor and, when set, agent profile. `email` may be empty. USERNAME_TAKEN, also for a
  // name that another actor gave up less than kFormerUsernameKept before created_at; EMAIL_TAKEN.
  absl::Status Insert(const v1::Actor& actor, std::string_view email);
  // ACTOR_NOT_FOUND. Deactivated actors are found, with deleted_at.
  absl::StatusOr<v1::Actor> Get(const ActorId& id);
  absl::StatusOr<v1::Actor> GetByUsername(std::string_view username);
  absl::StatusOr<v1::Actor> GetByEmail(std::string_view email);
  absl::StatusOr<v1::ActorRef> GetRef(const ActorId& id);
  // Ids of the usernames that exist in the workspace and are active; others are left out.
  // (username, id).
  absl::StatusOr<std::vector<std::pair<std::string, ActorId>>> ResolveUsernames(
      const WorkspaceId& workspace, absl::Span<const std::string> usernames);
  // Writes profile, agent profile, presence set by hand, status, deleted_at and revision. A
  // username that is given up is kept from others as of updated_at. USERNAME_TAKEN as for Insert.
  absl::Status Update(const v1::Actor& actor);
  // Members of the workspace by username.
  absl::StatusOr<std::vector<v1::Actor>> List(const WorkspaceId& workspace,
                                              const ActorFilter& filter);
  // Whether both are members of the workspace and, for guests, share a channel.
  absl::StatusOr<bool> ShareChannel(const WorkspaceId& workspace, const ActorId& a,
                                    const ActorId& b);
  absl::StatusOr<int64_t> CountHumans();
  // Agents owned by the actor, active ones.
  absl::StatusOr<std::vector<ActorId>> AgentsOwnedBy(const ActorId& owner);
  // Whether an agent rests because somebody that it belongs to is deactivated.
  absl::StatusOr<bool> IsPaused(const ActorId& agent);
  absl::Status SetPaused(const ActorId& agent, bool paused);
  // Workspaces in which the actor is a member.
  absl::StatusOr<std::vector<WorkspaceId>> WorkspacesOf(const ActorId& id);

 private:
  // USERNAME_TAKEN while the name is kept for another actor.
  absl::Status CheckNotKept(const v1::Actor& actor, const google::protobuf::Timestamp& at);
  // Keeps the name that the stored actor has and this one has not.
  absl::Status KeepFormerName(const v1::Actor& actor);

  SqlSession* session_;
};

// The reference that messages and members show.
v1::ActorRef RefOf(const v1::Actor& actor);

}  // namespace heim
