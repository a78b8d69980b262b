#include "server/service/agent_service.h"

#include <string>
#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/page.h"
#include "server/model/permissions.h"
#include "server/model/time.h"
#include "server/service/access.h"
#include "server/service/commit_reply.h"
#include "server/service/joining.h"
#include "server/service/keys.h"
#include "server/service/profiles.h"

namespace heim {
namespace {

// An agent that the caller may know of. AGENT_NOT_FOUND, also for people.
absl::StatusOr<v1::Actor> AccessAgent(ReadTx& tx, const Caller& caller, const ActorId& id) {
  auto actor = AccessActor(tx, caller, id);
  if (ReasonOf(actor.status()) == v1::ERROR_REASON_ACTOR_NOT_FOUND) return AgentNotFound();
  if (actor.ok() && actor->type() != v1::ACTOR_TYPE_AGENT) return AgentNotFound();
  return actor;
}

bool OwnedBy(const v1::Actor& agent, const Caller& caller) {
  return agent.agent().owner_id() == caller.actor_id.str();
}

// Keys are the owner's and the admins' business; an agent makes none for itself.
absl::StatusOr<v1::Actor> AccessKeys(ReadTx& tx, const Caller& caller, const ActorId& id) {
  HEIM_ASSIGN_OR_RETURN(v1::Actor agent, AccessAgent(tx, caller, id));
  if (!OwnedBy(agent, caller)) {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kManageAnyAgent));
  } else {
    HEIM_RETURN_IF_ERROR(CheckWorkspace(tx, caller, Permission::kManageOwnAgent));
  }
  return agent;
}

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
  v1::ListAgentsResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const v1::WorkspaceRole role,
                          CheckWorkspaceRole(tx, context.caller, Permission::kReadPresence));
    HEIM_ASSIGN_OR_RETURN(const uint32_t limit, PageLimit(request.limit()));
    ActorFilter filter;
    filter.type = v1::ACTOR_TYPE_AGENT;
    filter.capability = request.capability();
    if (role == v1::WORKSPACE_ROLE_GUEST) filter.shares_channel_with = context.caller.actor_id;
    filter.limit = limit + 1;
    if (!request.cursor().empty()) {
      HEIM_ASSIGN_OR_RETURN(filter.after_username,
                            DecodeCursor(request.cursor(), request.capability()));
    }
    HEIM_ASSIGN_OR_RETURN(std::vector<v1::Actor> agents,
                          tx.actors.List(context.caller.workspace_id, filter));
    if (agents.size() > limit) {
      agents.resize(limit);
      response.set_has_more(true);
      response.set_next_cursor(EncodeCursor(request.capability(), agents.back().username()));
    }
    for (v1::Actor& agent : agents) *response.add_agents() = std::move(agent);
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  for (v1::Actor& agent : *response.mutable_agents()) ShowPresence(tools_.presence, &agent);
  reply(std::move(response));
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

void AgentService::CreateAgentKey(CallContext& context, const v1::CreateAgentKeyRequest& request,
                                  Reply<v1::CreateAgentKeyResponse> reply) {
  const absl::Time now = clock_.Now();
  auto scopes = GrantedScopes(context.caller, request.scopes());
  if (!scopes.ok()) return reply(scopes.status());
  const auto expires_at = KeyExpiry(request.has_expires_at(), request.expires_at(), now);
  if (!expires_at.ok()) return reply(expires_at.status());
  const KeySecret secret = MakeKeySecret(v1::CREDENTIAL_TYPE_API_KEY, entropy_);
  const NewKey key{KeyId(ids_.NewId()),
                   ActorId(request.agent_id()),
                   v1::CREDENTIAL_TYPE_API_KEY,
                   context.caller.workspace_id,
                   request.label(),
                   *std::move(scopes),
                   *expires_at,
                   now};
  CommitReply<v1::CreateAgentKeyResponse>(
      store_, context, std::move(reply),
      [&context, key, secret](WriteTx& tx, v1::CreateAgentKeyResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const v1::Actor agent, AccessKeys(tx, context.caller, key.actor_id));
        if (agent.has_deleted_at()) return AgentNotFound();
        HEIM_ASSIGN_OR_RETURN(*response->mutable_key(), InsertKey(tx, key, secret));
        response->set_api_key(secret.secret);
        return absl::OkStatus();
      });
}

void AgentService::ListAgentKeys(CallContext& context, const v1::ListAgentKeysRequest& request,
                                 Reply<v1::ListAgentKeysResponse> reply) {
  v1::ListAgentKeysResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    const ActorId id = ResolveMe(context.caller, request.agent_id());
    if (id == context.caller.actor_id) {
      HEIM_RETURN_IF_ERROR(AccessAgent(tx, context.caller, id).status());
    } else {
      HEIM_RETURN_IF_ERROR(AccessKeys(tx, context.caller, id).status());
    }
    HEIM_ASSIGN_OR_RETURN(KeyPage page, ListKeys(tx, id, v1::CREDENTIAL_TYPE_API_KEY,
                                                 request.limit(), request.cursor()));
    for (v1::ApiKey& key : page.keys) *response.add_keys() = std::move(key);
    response.set_has_more(!page.next_cursor.empty());
    response.set_next_cursor(std::move(page.next_cursor));
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void AgentService::RevokeAgentKey(CallContext& context, const v1::RevokeAgentKeyRequest& request,
                                  Reply<v1::RevokeAgentKeyResponse> reply) {
  auto any_left = std::make_shared<bool>(true);
  CommitReply<v1::RevokeAgentKeyResponse>(
      store_, context, std::move(reply),
      [this, &context, &request, any_left](WriteTx& tx,
                                           v1::RevokeAgentKeyResponse* response) -> absl::Status {
        const ActorId id(request.agent_id());
        HEIM_RETURN_IF_ERROR(AccessKeys(tx, context.caller, id).status());
        const absl::Time now = clock_.Now();
        HEIM_ASSIGN_OR_RETURN(
            *response->mutable_key(),
            RevokeKey(tx, id, v1::CREDENTIAL_TYPE_API_KEY, KeyId(request.key_id()), now));
        HEIM_ASSIGN_OR_RETURN(*any_left, HasLiveKey(tx, id, now));
        return absl::OkStatus();
      },
      [this, any_left](const v1::RevokeAgentKeyResponse& response) {
        const v1::ApiKey& key = response.key();
        tools_.authenticator.DropCredential(key.id());
        tools_.hub.EndCredential(key.id(), "credential_revoked");
        // What it is writing may be another key's work, unless it has none left.
        if (!*any_left) {
          tools_.streams.StopStreamsBy(ActorId(key.actor_id()), "stopped_by_admin");
        }
      });
}

}  // namespace heim
