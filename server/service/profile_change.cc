#include "server/service/profile_change.h"

#include <utility>

#include "google/protobuf/util/message_differencer.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/joining.h"
#include "server/service/profiles.h"

namespace heim {
namespace {

// By its owner, who was looked at before.
absl::Status RefreshPause(WriteTx& tx, const v1::Actor& agent) {
  if (!agent.agent().has_owner_id()) return absl::OkStatus();
  const ActorId owner_id(agent.agent().owner_id());
  HEIM_ASSIGN_OR_RETURN(const v1::Actor owner, tx.actors.Get(owner_id));
  HEIM_ASSIGN_OR_RETURN(const bool owner_rests, tx.actors.IsPaused(owner_id));
  return tx.actors.SetPaused(ActorId(agent.id()), owner.has_deleted_at() || owner_rests);
}

}  // namespace

absl::Status SaveActor(WriteTx& tx, const Acting& acting, v1::Actor* actor) {
  *actor->mutable_updated_at() = ToTimestamp(acting.at);
  actor->set_revision(actor->revision() + 1);
  HEIM_RETURN_IF_ERROR(tx.actors.Update(*actor));
  return EmitActorUpdated(tx, acting, *actor);
}

absl::StatusOr<std::vector<ActorId>> RefreshPauses(WriteTx& tx, const v1::Actor& top) {
  HEIM_RETURN_IF_ERROR(RefreshPause(tx, top));
  std::vector<ActorId> found;
  HEIM_ASSIGN_OR_RETURN(std::vector<ActorId> next, tx.actors.AgentsOwnedBy(ActorId(top.id())));
  while (!next.empty()) {
    const ActorId id = next.back();
    next.pop_back();
    HEIM_ASSIGN_OR_RETURN(const v1::Actor agent, tx.actors.Get(id));
    HEIM_RETURN_IF_ERROR(RefreshPause(tx, agent));
    HEIM_ASSIGN_OR_RETURN(const std::vector<ActorId> below, tx.actors.AgentsOwnedBy(id));
    next.insert(next.end(), below.begin(), below.end());
    found.push_back(id);
  }
  return found;
}

absl::StatusOr<ChangedActor> ChangeProfile(WriteTx& tx, const Caller& caller,
                                           const ProfileChange& change, absl::Time now) {
  HEIM_ASSIGN_OR_RETURN(const v1::Actor before, AccessActor(tx, caller, change.id));
  HEIM_RETURN_IF_ERROR(CheckMayManage(tx, caller, before));
  if (before.has_deleted_at()) return ActorNotFound();
  if (change.expected_revision.has_value() && *change.expected_revision != before.revision()) {
    return RevisionConflict(before.revision());
  }
  HEIM_ASSIGN_OR_RETURN(v1::Actor actor,
                        ChangedProfile(tx, caller, before, change.wanted, change.mask));
  tx.note.Before(before);
  const bool handed_over = actor.agent().owner_id() != before.agent().owner_id();
  const Acting acting{caller.actor_id, now};
  if (!google::protobuf::util::MessageDifferencer::Equals(actor, before)) {
    HEIM_RETURN_IF_ERROR(SaveActor(tx, acting, &actor));
  }
  if (handed_over) HEIM_RETURN_IF_ERROR(RefreshPauses(tx, actor).status());
  const bool status_changed = actor.status() != before.status();
  return ChangedActor{std::move(actor), status_changed};
}

}  // namespace heim
