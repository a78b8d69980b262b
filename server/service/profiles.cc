#include "server/service/profiles.h"

#include <algorithm>

#include "google/protobuf/util/message_differencer.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/mask.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/joining.h"

namespace heim {

namespace {

// An account is one for all workspaces, so who manages it must stand above it in each of them.
absl::Status CheckElsewhere(ReadTx& tx, const Caller& caller, const v1::Actor& target) {
  const ActorId target_id(target.id());
  HEIM_ASSIGN_OR_RETURN(const std::vector<WorkspaceId> workspaces,
                        tx.actors.WorkspacesOf(target_id));
  for (const WorkspaceId& workspace : workspaces) {
    if (workspace == caller.workspace_id) continue;
    HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceMember member,
                          tx.workspaces.GetMember(workspace, target_id));
    const auto own = tx.workspaces.GetMember(workspace, caller.actor_id);
    const bool administers = own.ok() && (own->role() == v1::WORKSPACE_ROLE_OWNER ||
                                          own->role() == v1::WORKSPACE_ROLE_ADMIN);
    if (!administers || !MayGrant(own->role(), member.role())) {
      return MakeError(v1::ERROR_REASON_WORKSPACE_ROLE_REQUIRED,
                       "The account is also a member of a workspace that the caller does not "
                       "administer");
    }
  }
  return absl::OkStatus();
}

// An agent is handed over by admins, to somebody who can answer for it: an agent has no more rights
// than its owner.
absl::Status CheckNewOwner(ReadTx& tx, const Caller& caller, const v1::Actor& agent) {
  HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kManageAnyAgent));
  const absl::Status unfit =
      InvalidField("agent.owner_id", "an active person whose role is not below the agent's");
  const ActorId owner_id(agent.agent().owner_id());
  const auto owner = AccessActor(tx, caller, owner_id);
  if (!owner.ok() || owner->type() != v1::ACTOR_TYPE_HUMAN || owner->has_deleted_at()) return unfit;
  HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceMember own,
                        tx.workspaces.GetMember(caller.workspace_id, owner_id));
  HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceMember member,
                        tx.workspaces.GetMember(caller.workspace_id, ActorId(agent.id())));
  const bool may_own = Rank(own.role()) >= Rank(RowOf(Permission::kManageOwnAgent).workspace_role);
  return may_own && MayGrant(own.role(), member.role()) ? absl::OkStatus() : unfit;
}

}  // namespace

absl::Status CheckMayManage(ReadTx& tx, const Caller& caller, const v1::Actor& target) {
  const bool own = target.id() == caller.actor_id.str();
  const bool owner = target.has_agent() && target.agent().owner_id() == caller.actor_id.str();
  if (own) return CheckWorkspace(tx, caller, Permission::kUpdateOwnProfile);
  if (owner) return CheckWorkspace(tx, caller, Permission::kManageOwnAgent);
  const Permission permission =
      target.has_agent() ? Permission::kManageAnyAgent : Permission::kManageMembers;
  HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole role, CheckWorkspaceRole(tx, caller, permission));
  HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceMember member,
                        tx.workspaces.GetMember(caller.workspace_id, ActorId(target.id())));
  if (!MayGrant(role, member.role())) return WorkspaceRoleRequired(member.role());
  return CheckElsewhere(tx, caller, target);
}

absl::StatusOr<v1::Actor> AccessAgent(ReadTx& tx, const Caller& caller, const ActorId& id) {
  auto actor = AccessActor(tx, caller, id);
  if (ReasonOf(actor.status()) == v1::ERROR_REASON_ACTOR_NOT_FOUND) return AgentNotFound();
  if (actor.ok() && actor->type() != v1::ACTOR_TYPE_AGENT) return AgentNotFound();
  return actor;
}

void ShowPresence(const PresenceBook& book, v1::Actor* actor) {
  std::optional<std::string> status;
  if (actor->has_status()) status = actor->status();
  const v1::ActorPresence now = book.Get(ActorId(actor->id()), status);
  actor->set_presence(now.presence());
  if (now.has_status()) {
    actor->set_status(now.status());
  } else {
    actor->clear_status();
  }
}

absl::StatusOr<v1::Actor> ChangedProfile(ReadTx& tx, const Caller& caller, const v1::Actor& before,
                                         const v1::Actor& wanted,
                                         const std::vector<std::string>& mask) {
  for (const std::string& path : mask) {
    if (StartsWith(path, "agent.") && before.type() != v1::ACTOR_TYPE_AGENT) {
      return InvalidField("agent", "nothing: only agents have a profile of this kind");
    }
  }
  v1::Actor actor = before;
  ApplyMask(mask, wanted, &actor);
  if (actor.username().empty()) return InvalidField("username", "a username");
  if (actor.username() != before.username()) {
    HEIM_RETURN_IF_ERROR(CheckUsernameFree(actor.username()));
  }
  actor.set_display_name(CleanDisplayName(actor.display_name(), actor.username()));
  if (actor.has_status() && actor.status().empty()) actor.clear_status();
  const std::string& chief = actor.agent().reports_to_id();
  if (!chief.empty() && chief != before.agent().reports_to_id() &&
      !AccessActor(tx, caller, ActorId(chief)).ok()) {
    return InvalidField("agent.reports_to_id", "an actor of the workspace");
  }
  if (actor.agent().owner_id() != before.agent().owner_id()) {
    HEIM_RETURN_IF_ERROR(CheckNewOwner(tx, caller, actor));
  }
  return actor;
}

}  // namespace heim
