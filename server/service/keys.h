// Making, listing and revoking the keys of agents and the tokens of people, the same for both.
// Functions; transactions are used on their own thread. Rights were checked by the caller.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/repeated_field.h"
#include "google/protobuf/timestamp.pb.h"
#include "heim/v1/agent.pb.h"
#include "server/auth/key_secret.h"
#include "server/model/caller.h"
#include "server/store/store.h"

namespace heim {

// The scopes of a new key: those asked for, all of them held by the granter; none asked: all that
// the granter holds but admin:*. MISSING_SCOPE, INVALID_ARGUMENT for an unknown one.
absl::StatusOr<std::vector<std::string>> GrantedScopes(
    const Caller& granter, const google::protobuf::RepeatedPtrField<std::string>& asked);

struct NewKey {
  KeyId id;
  ActorId actor_id;
  v1::CredentialType type = v1::CREDENTIAL_TYPE_UNSPECIFIED;
  WorkspaceId workspace_id;  // of an agent's key
  std::string label;
  std::vector<std::string> scopes;
  absl::Time expires_at = absl::InfiniteFuture();
  absl::Time created_at;
};

// InfiniteFuture when unset; INVALID_ARGUMENT when it lies in the past.
absl::StatusOr<absl::Time> KeyExpiry(bool given, const google::protobuf::Timestamp& expires_at,
                                     absl::Time now);

// Inserts the key and answers its record. LIMIT_REACHED when kAgentKeysMax of an agent work
// already.
absl::StatusOr<v1::ApiKey> InsertKey(WriteTx& tx, const NewKey& key, const KeySecret& secret);

struct KeyPage {
  std::vector<v1::ApiKey> keys;
  std::string next_cursor;
};
// INVALID_CURSOR, INVALID_ARGUMENT for the limit.
absl::StatusOr<KeyPage> ListKeys(ReadTx& tx, const ActorId& actor, v1::CredentialType type,
                                 uint32_t limit, const std::string& cursor);

// 1 hour when unset; INVALID_ARGUMENT below 0 or above 7 days.
absl::StatusOr<absl::Duration> KeyOverlap(bool given, const google::protobuf::Duration& overlap);

struct KeyRotation {
  KeyId old_id;
  KeyId new_id;
  ActorId actor_id;
  v1::CredentialType type = v1::CREDENTIAL_TYPE_UNSPECIFIED;
  absl::Duration overlap;
  // Of the new key. Unset: it gets the lifetime that the old one was given.
  std::optional<absl::Time> expires_at;
  absl::Time now;
};

struct RotatedKey {
  v1::ApiKey key;
  v1::ApiKey old_key;
};
// Puts a key in the place of another, with its label and scopes, and lets the old one end after the
// overlap. KEY_NOT_FOUND, INVALID_ARGUMENT for a key that works no more, MISSING_SCOPE for a scope
// of it that the caller does not hold.
absl::StatusOr<RotatedKey> RotateKey(WriteTx& tx, const Caller& caller, const KeyRotation& rotation,
                                     const KeySecret& secret);

// Revokes a key of the actor and answers its record. KEY_NOT_FOUND.
absl::StatusOr<v1::ApiKey> RevokeKey(WriteTx& tx, const ActorId& actor, v1::CredentialType type,
                                     const KeyId& id, absl::Time at);

// Whether the agent has a key that still works.
absl::StatusOr<bool> HasLiveKey(ReadTx& tx, const ActorId& agent, absl::Time now);

}  // namespace heim
