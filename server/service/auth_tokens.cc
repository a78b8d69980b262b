// The half of AuthService that is about personal tokens.
#include <memory>
#include <string>
#include <utility>

#include "server/auth/auth_errors.h"
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/service/auth_service.h"
#include "server/service/commit_reply.h"
#include "server/service/keys.h"

namespace heim {

void AuthService::CreatePersonalToken(CallContext& context,
                                      const v1::CreatePersonalTokenRequest& request,
                                      Reply<v1::CreatePersonalTokenResponse> reply) {
  const Caller& caller = context.caller;
  if (caller.actor.type() != v1::ACTOR_TYPE_HUMAN) {
    return reply(MakeError(v1::ERROR_REASON_PERMISSION_DENIED,
                           "Personal tokens are for people; an agent's owner makes its keys"));
  }
  const absl::Time now = clock_.Now();
  auto scopes = GrantedScopes(caller, request.scopes());
  if (!scopes.ok()) return reply(scopes.status());
  const auto expires_at = KeyExpiry(request.has_expires_at(), request.expires_at(), now);
  if (!expires_at.ok()) return reply(expires_at.status());
  const KeySecret secret = MakeKeySecret(v1::CREDENTIAL_TYPE_PAT, entropy_);
  const NewKey key{KeyId(ids_.NewId()),
                   caller.actor_id,
                   v1::CREDENTIAL_TYPE_PAT,
                   WorkspaceId(),
                   request.label(),
                   *std::move(scopes),
                   *expires_at,
                   now};
  CommitReply<v1::CreatePersonalTokenResponse>(
      store_, context, std::move(reply),
      [key, secret](WriteTx& tx, v1::CreatePersonalTokenResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const v1::Actor actor, tx.actors.Get(key.actor_id));
        if (actor.has_deleted_at()) return TokenRevoked();
        HEIM_ASSIGN_OR_RETURN(*response->mutable_key(), InsertKey(tx, key, secret));
        response->set_api_key(secret.secret);
        return absl::OkStatus();
      });
}

void AuthService::ListPersonalTokens(CallContext& context,
                                     const v1::ListPersonalTokensRequest& request,
                                     Reply<v1::ListPersonalTokensResponse> reply) {
  v1::ListPersonalTokensResponse response;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(KeyPage page,
                          ListKeys(tx, context.caller.actor_id, v1::CREDENTIAL_TYPE_PAT,
                                   request.limit(), request.cursor()));
    for (v1::ApiKey& key : page.keys) *response.add_keys() = std::move(key);
    response.set_has_more(!page.next_cursor.empty());
    response.set_next_cursor(std::move(page.next_cursor));
    return absl::OkStatus();
  });
  if (!status.ok()) return reply(status);
  reply(std::move(response));
}

void AuthService::RotatePersonalToken(CallContext& context,
                                      const v1::RotatePersonalTokenRequest& request,
                                      Reply<v1::RotatePersonalTokenResponse> reply) {
  const absl::Time now = clock_.Now();
  const auto overlap = KeyOverlap(request.has_overlap(), request.overlap());
  if (!overlap.ok()) return reply(overlap.status());
  const auto expires_at = KeyExpiry(request.has_expires_at(), request.expires_at(), now);
  if (!expires_at.ok()) return reply(expires_at.status());
  KeyRotation rotation;
  rotation.old_id = KeyId(request.key_id());
  rotation.new_id = KeyId(ids_.NewId());
  rotation.actor_id = context.caller.actor_id;
  rotation.type = v1::CREDENTIAL_TYPE_PAT;
  rotation.overlap = *overlap;
  if (request.has_expires_at()) rotation.expires_at = *expires_at;
  rotation.now = now;
  const KeySecret secret = MakeKeySecret(v1::CREDENTIAL_TYPE_PAT, entropy_);
  CommitReply<v1::RotatePersonalTokenResponse>(
      store_, context, std::move(reply),
      [&context, rotation, secret](WriteTx& tx,
                                   v1::RotatePersonalTokenResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(const v1::Actor actor, tx.actors.Get(rotation.actor_id));
        if (actor.has_deleted_at()) return TokenRevoked();
        HEIM_ASSIGN_OR_RETURN(RotatedKey rotated, RotateKey(tx, context.caller, rotation, secret));
        *response->mutable_key() = std::move(rotated.key);
        *response->mutable_old_key() = std::move(rotated.old_key);
        tx.note.Subject("token", rotation.old_id.str());
        tx.note.Before(response->old_key());
        response->set_api_key(secret.secret);
        return absl::OkStatus();
      },
      [this](const v1::RotatePersonalTokenResponse& response) {
        key_ender_.EndInTime(response.old_key());
      });
}

void AuthService::RevokePersonalToken(CallContext& context,
                                      const v1::RevokePersonalTokenRequest& request,
                                      Reply<v1::RevokePersonalTokenResponse> reply) {
  CommitReply<v1::RevokePersonalTokenResponse>(
      store_, context, std::move(reply),
      [this, &context, &request](WriteTx& tx,
                                 v1::RevokePersonalTokenResponse* response) -> absl::Status {
        HEIM_ASSIGN_OR_RETURN(*response->mutable_key(),
                              RevokeKey(tx, context.caller.actor_id, v1::CREDENTIAL_TYPE_PAT,
                                        KeyId(request.key_id()), clock_.Now()));
        return absl::OkStatus();
      },
      [this](const v1::RevokePersonalTokenResponse& response) {
        tools_.authenticator.DropCredential(response.key().id());
        hub_.EndCredential(response.key().id(), "credential_revoked");
      });
}

}  // namespace heim
