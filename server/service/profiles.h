// Rights over an actor's profile, and what a profile shows. Functions; transactions are used on
// their own thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "heim/v1/actor.pb.h"
#include "server/hub/presence.h"
#include "server/model/caller.h"
#include "server/store/store.h"

namespace heim {

// Whether the caller may change this actor: itself, an agent of its own, or, as an admin of the
// workspace, somebody of no higher role. What Check answers: WORKSPACE_ROLE_REQUIRED,
// MISSING_SCOPE.
absl::Status CheckMayManage(ReadTx& tx, const Caller& caller, const v1::Actor& target);

// An agent that the caller may know of. AGENT_NOT_FOUND, also for people.
absl::StatusOr<v1::Actor> AccessAgent(ReadTx& tx, const Caller& caller, const ActorId& id);

// Replaces presence and status of a stored actor by what holds now.
void ShowPresence(const PresenceBook& book, v1::Actor* actor);

// The actor with the fields of `mask` taken from `wanted`, cleaned and checked. INVALID_ARGUMENT,
// USERNAME_TAKEN for a reserved name.
absl::StatusOr<v1::Actor> ChangedProfile(ReadTx& tx, const Caller& caller, const v1::Actor& before,
                                         const v1::Actor& wanted,
                                         const std::vector<std::string>& mask);

}  // namespace heim
