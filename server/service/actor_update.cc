// ActorService::UpdateActor: who may change what of a profile.
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "google/protobuf/util/message_differencer.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/mask.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/actor_service.h"
#include "server/service/commit_reply.h"
#include "server/service/joining.h"
#include "server/service/profiles.h"

namespace heim {
namespace {

constexpr std::array<std::string_view, 12> kFields = {
    "username",           "display_name",      "avatar_url",   "status",
    "metadata",           "agent.framework",   "agent.model",  "agent.description",
    "agent.capabilities", "agent.webhook_url", "agent.config", "agent.reports_to_id"};

}  // namespace

void ActorService::UpdateActor(CallContext& context, const v1::UpdateActorRequest& request,
                               Reply<v1::UpdateActorResponse> reply) {
  auto mask = EffectiveMask(request.update_mask(), request.actor(), kFields);
  if (!mask.ok()) return reply(mask.status());
  auto status_changed = std::make_shared<bool>(false);
  CommitReply<v1::UpdateActorResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, status_changed, mask = *std::move(mask)](
          WriteTx& tx, v1::UpdateActorResponse* response) -> absl::Status {
        const ActorId id = ResolveMe(context.caller, request.actor_id());
        HEIM_ASSIGN_OR_RETURN(const v1::Actor before, AccessActor(tx, context.caller, id));
        HEIM_RETURN_IF_ERROR(CheckMayManage(tx, context.caller, before));
        if (before.has_deleted_at()) return ActorNotFound();
        if (request.has_expected_revision() && request.expected_revision() != before.revision()) {
          return RevisionConflict(before.revision());
        }
        HEIM_ASSIGN_OR_RETURN(v1::Actor actor,
                              ChangedProfile(tx, context.caller, before, request.actor(), mask));
        *status_changed = actor.status() != before.status();
        if (!google::protobuf::util::MessageDifferencer::Equals(actor, before)) {
          const Acting acting{context.caller.actor_id, clock_.Now()};
          *actor.mutable_updated_at() = ToTimestamp(acting.at);
          actor.set_revision(actor.revision() + 1);
          HEIM_RETURN_IF_ERROR(tx.actors.Update(actor));
          HEIM_RETURN_IF_ERROR(EmitActorUpdated(tx, acting, actor));
        }
        *response->mutable_actor() = std::move(actor);
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

}  // namespace heim
