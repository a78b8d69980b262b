// The half of ActorService that changes actors that exist: profile, deactivation and reactivation.
#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/mask.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/actor_service.h"
#include "server/service/commit_reply.h"
#include "server/service/group_membership.h"
#include "server/service/joining.h"
#include "server/service/profile_change.h"
#include "server/service/profiles.h"

namespace heim {
namespace {

constexpr std::array<std::string_view, 11> kFields = {
    "username",          "display_name",        "status",
    "metadata",          "agent.framework",     "agent.model",
    "agent.description", "agent.capabilities",  "agent.webhook_url",
    "agent.config",      "agent.reports_to_id",
};

}  // namespace

void ActorService::UpdateActor(CallContext& context, const v1::UpdateActorRequest& request,
                               Reply<v1::UpdateActorResponse> reply) {
  auto mask = EffectiveMask(request.update_mask(), request.actor(), kFields);
  if (!mask.ok()) return reply(mask.status());
  ProfileChange change;
  change.id = ResolveMe(context.caller, request.actor_id());
  change.wanted = request.actor();
  change.mask = *std::move(mask);
  if (request.has_expected_revision()) change.expected_revision = request.expected_revision();
  auto status_changed = std::make_shared<bool>(false);
  CommitReply<v1::UpdateActorResponse>(
      store_, context, std::move(reply),
      [this, &context, change = std::move(change), status_changed](
          WriteTx& tx, v1::UpdateActorResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(ChangedActor changed,
                              ChangeProfile(tx, context.caller, change, clock_.Now()));
        *status_changed = changed.status_changed;
        *response->mutable_actor() = std::move(changed.actor);
        return absl::OkStatus();
      },
      [this, &context, status_changed](const v1::UpdateActorResponse& response) {
        const ActorId id(response.actor().id());
        tools_.authenticator.DropActor(id);
        if (*status_changed) {
          tools_.presence.Set(context.caller.workspace_id, id, v1::PRESENCE_UNSPECIFIED,
                              response.actor().status());
        }
      });
}

void ActorService::DeactivateActor(CallContext& context, const v1::DeactivateActorRequest& request,
                                   Reply<v1::DeactivateActorResponse> reply) {
  auto resting = std::make_shared<std::vector<ActorId>>();
  CommitReply<v1::DeactivateActorResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, resting](WriteTx& tx,
                                          v1::DeactivateActorResponse* response) -> absl::Status {
        const ActorId id = ResolveMe(context.caller, request.actor_id());
        v1::Actor& actor = *response->mutable_actor();
        HEIM_ASSIGN_OR_RETURN(actor, AccessActor(tx, context.caller, id));
        HEIM_RETURN_IF_ERROR(CheckMayManage(tx, context.caller, actor));
        tx.note.Before(actor);
        if (actor.has_deleted_at()) return absl::OkStatus();
        HEIM_ASSIGN_OR_RETURN(const std::vector<WorkspaceId> workspaces,
                              tx.actors.WorkspacesOf(id));
        tx.note.workspaces = workspaces;
        for (const WorkspaceId& workspace : workspaces) {
          HEIM_RETURN_IF_ERROR(CheckNotLastOwner(tx, workspace, id));
        }
        const Acting acting{context.caller.actor_id, clock_.Now()};
        *actor.mutable_deleted_at() = ToTimestamp(acting.at);
        HEIM_RETURN_IF_ERROR(SaveActor(tx, acting, &actor));
        HEIM_RETURN_IF_ERROR(tx.sessions.RevokeAllOf(id, acting.at).status());
        HEIM_RETURN_IF_ERROR(tx.credentials.RevokeAllOf(id, acting.at).status());
        HEIM_RETURN_IF_ERROR(tx.message_drafts.EraseOf(id));
        HEIM_RETURN_IF_ERROR(tx.scheduled_messages.EraseOf(id));
        for (const WorkspaceId& workspace : workspaces) {
          HEIM_RETURN_IF_ERROR(LeaveGroups(tx, acting, workspace, id));
        }
        HEIM_ASSIGN_OR_RETURN(*resting, RefreshPauses(tx, actor));
        return absl::OkStatus();
      },
      [this, resting](const v1::DeactivateActorResponse& response) {
        CutOff(ActorId(response.actor().id()), "actor_deactivated");
        // The authenticator refuses their keys as long as their owner is deactivated.
        for (const ActorId& agent : *resting) CutOff(agent, "credential_revoked");
      });
}

void ActorService::ReactivateActor(CallContext& context, const v1::ReactivateActorRequest& request,
                                   Reply<v1::ReactivateActorResponse> reply) {
  CommitReply<v1::ReactivateActorResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx,
                                 v1::ReactivateActorResponse* response) -> absl::Status {
        const ActorId id(request.actor_id());
        v1::Actor& actor = *response->mutable_actor();
        HEIM_ASSIGN_OR_RETURN(actor, AccessActor(tx, context.caller, id));
        HEIM_RETURN_IF_ERROR(CheckMayManage(tx, context.caller, actor));
        tx.note.Before(actor);
        if (!actor.has_deleted_at()) return absl::OkStatus();
        // Nothing is left of it to come back.
        HEIM_ASSIGN_OR_RETURN(const auto erasure, tx.erasures.OfActor(id));
        if (erasure.has_value()) return ActorNotFound();
        HEIM_ASSIGN_OR_RETURN(tx.note.workspaces, tx.actors.WorkspacesOf(id));
        const Acting acting{context.caller.actor_id, clock_.Now()};
        actor.clear_deleted_at();
        HEIM_RETURN_IF_ERROR(SaveActor(tx, acting, &actor));
        return RefreshPauses(tx, actor).status();
      },
      [this](const v1::ReactivateActorResponse& response) {
        tools_.authenticator.DropActor(ActorId(response.actor().id()));
      });
}

void ActorService::CutOff(const ActorId& id, std::string_view goodbye_reason) {
  tools_.authenticator.DropActor(id);
  tools_.hub.EndActor(id, goodbye_reason);
  tools_.streams.StopStreamsBy(id, "stopped_by_admin");
}

}  // namespace heim
