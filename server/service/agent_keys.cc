// The half of AgentService that is about keys.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/auth/session_scopes.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/model/permissions.h"
#include "server/model/scopes.h"
#include "server/service/access.h"
#include "server/service/agent_service.h"
#include "server/service/commit_reply.h"
#include "server/service/keys.h"
#include "server/service/profiles.h"

namespace heim {
namespace {

// Keys are the owner's and the admins' business; an agent makes none for itself.
absl::StatusOr<v1::Actor> AccessKeys(ReadTx& tx, const Caller& caller, const ActorId& id) {
  HEIM_ASSIGN_OR_RETURN(v1::Actor agent, AccessAgent(tx, caller, id));
  const bool owned = agent.agent().owner_id() == caller.actor_id.str();
  HEIM_RETURN_IF_ERROR(CheckWorkspace(
      tx, caller, owned ? Permission::kManageOwnAgent : Permission::kManageAnyAgent));
  return agent;
}

// An admin gives an agent nothing that its owner could not give it. MISSING_SCOPE.
absl::Status CheckOwnerHolds(ReadTx& tx, const v1::Actor& agent, const NewKey& key) {
  if (!agent.agent().has_owner_id()) return absl::OkStatus();
  const auto owner = tx.workspaces.GetMember(key.workspace_id, ActorId(agent.agent().owner_id()));
  const v1::WorkspaceRole role = owner.ok() ? owner->role() : v1::WORKSPACE_ROLE_UNSPECIFIED;
  const std::vector<std::string> held = SessionScopes(role);
  for (const std::string& scope : key.scopes) {
    if (!HasScope(held, scope)) return MissingScope(scope);
  }
  return absl::OkStatus();
}

}  // namespace

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
        HEIM_RETURN_IF_ERROR(CheckOwnerHolds(tx, agent, key));
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

void AgentService::RotateAgentKey(CallContext& context, const v1::RotateAgentKeyRequest& request,
                                  Reply<v1::RotateAgentKeyResponse> reply) {
  const absl::Time now = clock_.Now();
  const auto overlap = KeyOverlap(request.has_overlap(), request.overlap());
  if (!overlap.ok()) return reply(overlap.status());
  const auto expires_at = KeyExpiry(request.has_expires_at(), request.expires_at(), now);
  if (!expires_at.ok()) return reply(expires_at.status());
  KeyRotation rotation;
  rotation.old_id = KeyId(request.key_id());
  rotation.new_id = KeyId(ids_.NewId());
  rotation.actor_id = ActorId(request.agent_id());
  rotation.type = v1::CREDENTIAL_TYPE_API_KEY;
  rotation.overlap = *overlap;
  if (request.has_expires_at()) rotation.expires_at = *expires_at;
  rotation.now = now;
  const KeySecret secret = MakeKeySecret(v1::CREDENTIAL_TYPE_API_KEY, entropy_);
  CommitReply<v1::RotateAgentKeyResponse>(
      store_, context, std::move(reply),
      [&context, rotation, secret](WriteTx& tx,
                                   v1::RotateAgentKeyResponse* response) -> absl::Status {
        const Caller& caller = context.caller;
        HEIM_ASSIGN_OR_RETURN(const v1::Actor agent, AccessKeys(tx, caller, rotation.actor_id));
        if (agent.has_deleted_at()) return AgentNotFound();
        HEIM_ASSIGN_OR_RETURN(RotatedKey rotated, RotateKey(tx, caller, rotation, secret));
        *response->mutable_key() = std::move(rotated.key);
        *response->mutable_old_key() = std::move(rotated.old_key);
        tx.note.Subject("key", rotation.old_id.str());
        tx.note.Before(response->old_key());
        response->set_api_key(secret.secret);
        return absl::OkStatus();
      },
      [this](const v1::RotateAgentKeyResponse& response) {
        key_ender_.EndInTime(response.old_key());
      });
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
