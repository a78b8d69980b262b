// Joining and leaving a workspace, the same for every call that does it: rows and events together.
// Functions over a WriteTx; same thread as the transaction. Rights were checked by the caller.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "heim/v1/actor.pb.h"
#include "heim/v1/workspace.pb.h"
#include "server/base/ids.h"
#include "server/model/caller.h"
#include "server/model/ids.h"
#include "server/service/membership.h"
#include "server/store/store.h"

namespace heim {

// The role that a request asks for, member when it asks for none; WORKSPACE_ROLE_REQUIRED when it
// is above the caller's own.
absl::StatusOr<v1::WorkspaceRole> GrantedRole(v1::WorkspaceRole asked, v1::WorkspaceRole own);

// A display name as it is kept: in normal form, without what could fool its reader and without
// spaces around it; `otherwise` when nothing is left.
std::string CleanDisplayName(std::string_view name, std::string_view otherwise);

// An actor as it is when it is made: display name cleaned, times and revision set.
v1::Actor NewActor(const ActorId& id, v1::ActorType type, std::string_view username,
                   std::string_view display_name, absl::Time now);

// USERNAME_TAKEN for names that would be taken for a group or the system.
absl::Status CheckUsernameFree(std::string_view username);

// The actor's row must be there. Makes it a member of the workspace and, unless it is a guest, of
// the default channel; emits actor.created and member.added.
absl::Status JoinWorkspace(WriteTx& tx, const Acting& acting, const v1::Workspace& workspace,
                           const v1::Actor& actor, v1::WorkspaceRole role);

struct NewWorkspace {
  std::string name;
  std::string slug;
  WorkspaceId id;
  ChannelId default_channel;
  std::string epoch;  // of its log
};

// Makes the workspace, its default channel `general` and its owner a member of both. SLUG_TAKEN.
absl::StatusOr<v1::Workspace> FoundWorkspace(WriteTx& tx, const Acting& acting,
                                             const NewWorkspace& description,
                                             const v1::Actor& owner);

// A slug of a name for people, such as "acme-corp"; "workspace" when nothing of it is left.
std::string SlugOf(std::string_view name);

// The slug, or the first of slug-2, slug-3 … that is free.
absl::StatusOr<std::string> FreeSlug(ReadTx& tx, const std::string& slug);

// Emits an event without a channel by the actor into each workspace that `subject` is in.
absl::Status EmitActorUpdated(WriteTx& tx, const Acting& acting, const v1::Actor& subject);

// LAST_OWNER when the actor is the only active owner of the workspace.
absl::Status CheckNotLastOwner(ReadTx& tx, const WorkspaceId& workspace, const ActorId& actor);

}  // namespace heim
