#include "server/service/agent_service.h"

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/mask.h"
#include "server/model/permissions.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/directory.h"
#include "server/service/joining.h"
#include "server/service/keys.h"
#include "server/service/profile_change.h"
#include "server/service/profiles.h"

namespace heim {
namespace {

// As UpdateActor, and the owner.
constexpr std::array<std::string_view, 12> kFields = {
    "username",          "display_name",       "status",
    "metadata",          "agent.framework",    "agent.model",
    "agent.description", "agent.capabilities", "agent.webhook_url",
    "agent.config",      "agent.owner_id",     "agent.reports_to_id",
};

v1::Actor AgentOf(const v1::RegisterAgentRequest& request, const ActorId& id,
                  const Acting& acting) {
  v1::Actor actor =
      NewActor(id, v1::ACTOR_TYPE_AGENT, request.username(), request.display_name(), acting.at);
  v1::AgentProfile& profile = *actor.mutable_agent();
  profile.set_framework(request.framework());
  profile.set_model(request.model());
  profile.set_description(request.description());
  *profile.mutable_capabilities() = request.capabilities();
  profile.set_owner_id(acting.by.str());
  if (!request.webhook_url().empty()) profile.set_webhook_url(request.webhook_url());
  if (request.has_config()) *profile.mutable_config() = request.config();
  return actor;
}

}  // namespace

void AgentService::RegisterAgent(CallContext& context, const v1::RegisterAgentRequest& request,
                                 Reply<v1::RegisterAgentResponse> reply) {
  if (absl::Status status = CheckUsernameFree(request.username()); !status.ok()) {
    return reply(std::move(status));
  }
  auto scopes = GrantedScopes(context.caller, request.scopes());
  if (!scopes.ok()) return reply(scopes.status());
  const Acting acting{context.caller.actor_id, clock_.Now()};
  const ActorId id(ids_.NewId());
  const v1::Actor agent = AgentOf(request, id, acting);
  const KeySecret secret = MakeKeySecret(v1::CREDENTIAL_TYPE_API_KEY, entropy_);
  NewKey key;
  key.id = KeyId(ids_.NewId());
  key.actor_id = id;
  key.type = v1::CREDENTIAL_TYPE_API_KEY;
  key.workspace_id = context.caller.workspace_id;
  key.label = "first key";
  key.scopes = *std::move(scopes);
  key.created_at = acting.at;
  CommitReply<v1::RegisterAgentResponse>(
      store_, context, std::move(reply),
      [=, &context, &request](WriteTx& tx, v1::RegisterAgentResponse* response) -> absl::Status {
        const Caller& caller = context.caller;
        HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole own,
                              CheckWorkspaceRole(tx, caller, Permission::kCreateAgent));
        HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole role, GrantedRole(request.role(), own));
        HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace,
                              tx.workspaces.Get(caller.workspace_id));
        HEIM_RETURN_IF_ERROR(tx.actors.Insert(agent, ""));
        HEIM_RETURN_IF_ERROR(JoinWorkspace(tx, acting, workspace, agent, role));
        HEIM_ASSIGN_OR_RETURN(*response->mutable_key(), InsertKey(tx, key, secret));
        *response->mutable_agent() = agent;
        response->set_api_key(secret.secret);
        return absl::OkStatus();
      });
}

void AgentService::ListAgents(CallContext& context, const v1::ListAgentsRequest& request,
                              Reply<v1::ListAgentsResponse> reply) {
  DirectoryQuery query;
  query.filter.q = request.q();
  query.filter.type = v1::ACTOR_TYPE_AGENT;
  query.filter.capability = request.capability();
  query.filter.framework = request.framework();
  if (!request.owner_id().empty()) {
    query.filter.owner = ResolveMe(context.caller, request.owner_id());
  }
  query.filter.only_paused = request.paused();
  query.filter.include_deactivated = request.include_deactivated();
  query.limit = request.limit();
  query.cursor = request.cursor();
  auto page = ListDirectory(store_, context.caller, std::move(query));
  if (!page.ok()) return reply(page.status());
  v1::ListAgentsResponse response;
  for (v1::Actor& agent : page->actors) {
    ShowPresence(tools_.presence, &agent);
    *response.add_agents() = std::move(agent);
  }
  response.set_has_more(!page->next_cursor.empty());
  response.set_next_cursor(std::move(page->next_cursor));
  reply(std::move(response));
}

void AgentService::UpdateAgent(CallContext& context, const v1::UpdateAgentRequest& request,
                               Reply<v1::UpdateAgentResponse> reply) {
  auto mask = EffectiveMask(request.update_mask(), request.agent(), kFields);
  if (!mask.ok()) return reply(mask.status());
  ProfileChange change;
  change.id = ResolveMe(context.caller, request.agent_id());
  change.wanted = request.agent();
  change.mask = *std::move(mask);
  if (request.has_expected_revision()) change.expected_revision = request.expected_revision();
  auto status_changed = std::make_shared<bool>(false);
  CommitReply<v1::UpdateAgentResponse>(
      store_, context, std::move(reply),
      [this, &context, change = std::move(change), status_changed](
          WriteTx& tx, v1::UpdateAgentResponse* response) -> absl::Status {
        HEIM_RETURN_IF_ERROR(AccessAgent(tx, context.caller, change.id).status());
        HEIM_ASSIGN_OR_RETURN(ChangedActor changed,
                              ChangeProfile(tx, context.caller, change, clock_.Now()));
        *status_changed = changed.status_changed;
        *response->mutable_agent() = std::move(changed.actor);
        return absl::OkStatus();
      },
      [this, &context, status_changed](const v1::UpdateAgentResponse& response) {
        const ActorId id(response.agent().id());
        tools_.authenticator.DropActor(id);
        if (*status_changed) {
          tools_.presence.Set(context.caller.workspace_id, id, v1::PRESENCE_UNSPECIFIED,
                              response.agent().status());
        }
      });
}

void AgentService::GetAgent(CallContext& context, const v1::GetAgentRequest& request,
                            Reply<v1::GetAgentResponse> reply) {
  v1::GetAgentResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, context.caller, Permission::kReadPresence));
    HEIM_ASSIGN_OR_RETURN(
        *response.mutable_agent(),
        AccessAgent(tx, context.caller, ResolveMe(context.caller, request.agent_id())));
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  ShowPresence(tools_.presence, response.mutable_agent());
  reply(std::move(response));
}

}  // namespace heim
