// One change of a profile, the same for UpdateActor and UpdateAgent, and what follows from it for
// the agents below. Functions; same thread as the transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/actor.pb.h"
#include "server/model/caller.h"
#include "server/model/ids.h"
#include "server/service/membership.h"
#include "server/store/store.h"

namespace heim {

struct ProfileChange {
  ActorId id;
  v1::Actor wanted;
  std::vector<std::string> mask;  // of EffectiveMask
  std::optional<uint32_t> expected_revision;
};

struct ChangedActor {
  v1::Actor actor;
  bool status_changed = false;
};

// Checks the caller's rights over the actor, changes it and emits actor.updated. ACTOR_NOT_FOUND,
// REVISION_CONFLICT, and what CheckMayManage and ChangedProfile answer.
absl::StatusOr<ChangedActor> ChangeProfile(WriteTx& tx, const Caller& caller,
                                           const ProfileChange& change, absl::Time now);

// Writes an actor that was changed: its time and revision, and actor.updated.
absl::Status SaveActor(WriteTx& tx, const Acting& acting, v1::Actor* actor);

// Notes anew whether the agent (or nothing, for a person) and the active agents below it rest: an
// agent does when somebody that it belongs to is deactivated. Answers the agents below.
absl::StatusOr<std::vector<ActorId>> RefreshPauses(WriteTx& tx, const v1::Actor& top);

}  // namespace heim
