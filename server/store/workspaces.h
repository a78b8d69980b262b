// Workspaces and their members: rows and nothing else; rights are checked by services.
// A view over a transaction's session: cheap to copy, same thread as the transaction. Calls block
// on the database.
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

class Workspaces {
 public:
  explicit Workspaces(SqlSession& session) : session_(&session) {}

  // Inserts the workspace and the head of its log with a fresh `epoch`. SLUG_TAKEN.
  absl::Status Insert(const v1::Workspace& workspace, std::string_view epoch);
  // WORKSPACE_NOT_FOUND.
  absl::StatusOr<v1::Workspace> Get(const WorkspaceId& id);
  absl::StatusOr<v1::Workspace> GetByIdOrSlug(std::string_view id_or_slug);
  // The oldest workspace of the server; WORKSPACE_NOT_FOUND before the set-up.
  absl::StatusOr<v1::Workspace> First();
  // Writes name, slug, owner, settings and revision. SLUG_TAKEN.
  absl::Status Update(const v1::Workspace& workspace);
  // The actor's workspaces by (name, id), after the given pair.
  absl::StatusOr<std::vector<v1::Workspace>> ListOf(const ActorId& actor,
                                                    std::string_view after_name,
                                                    std::string_view after_id, uint32_t limit);

  absl::Status InsertMember(const WorkspaceId& workspace, const ActorId& actor,
                            v1::WorkspaceRole role, absl::Time joined_at);
  // MEMBER_NOT_FOUND. Deactivated actors are still members.
  absl::StatusOr<v1::WorkspaceMember> GetMember(const WorkspaceId& workspace, const ActorId& actor);
  absl::StatusOr<std::vector<v1::WorkspaceMember>> ListMembers(const WorkspaceId& workspace,
                                                               std::string_view after_username,
                                                               uint32_t limit);
  absl::Status SetRole(const WorkspaceId& workspace, const ActorId& actor, v1::WorkspaceRole role);
  absl::Status RemoveMember(const WorkspaceId& workspace, const ActorId& actor);
  // Active (not deactivated) owners.
  absl::StatusOr<int64_t> CountOwners(const WorkspaceId& workspace);
  // The actor's workspace when it has one only, else the one it was last seen in, else the first
  // joined. WORKSPACE_NOT_FOUND.
  absl::StatusOr<WorkspaceId> CurrentOf(const ActorId& actor);
  absl::Status SetCurrent(const ActorId& actor, const WorkspaceId& workspace);

 private:
  SqlSession* session_;
};

// Meta is a small key-value table of the database itself.
class Meta {
 public:
  explicit Meta(SqlSession& session) : session_(&session) {}
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key);
  absl::Status Set(std::string_view key, std::string_view value);

 private:
  SqlSession* session_;
};

}  // namespace heim
