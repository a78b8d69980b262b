// Credentials and sessions: only hashes are kept. What stands here never reaches the wire; ApiKey
// records do. A view over a transaction's session: cheap to copy, same thread as the transaction.
// Calls block on the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "heim/v1/agent.pb.h"
#include "server/model/ids.h"
#include "server/store/sql.h"

namespace heim {

struct CredentialRow {
  v1::CredentialType type = v1::CREDENTIAL_TYPE_UNSPECIFIED;
  WorkspaceId workspace_id;  // an agent's key belongs to one; empty for personal tokens
  std::string secret_hash;   // hex SHA-256 of the secret; argon2id text for passwords
  v1::ApiKey record;
};

struct PasswordRow {
  KeyId id;  // another one for each password that is set
  std::string hash;
};

class CredentialRows {
 public:
  explicit CredentialRows(SqlSession& session) : session_(&session) {}

  absl::Status Insert(const CredentialRow& row);
  // By hash of an API key or personal token; KEY_NOT_FOUND. Revoked and expired rows are found.
  absl::StatusOr<CredentialRow> FindByHash(std::string_view secret_hash);
  absl::StatusOr<CredentialRow> Get(const KeyId& id);
  // Keys of the actor of the given type, newest first, before the given (created_at, id).
  absl::StatusOr<std::vector<v1::ApiKey>> ListOf(const ActorId& actor, v1::CredentialType type,
                                                 std::string_view before_id, uint32_t limit);
  // Replaces what is kept of a key beside its times of use and revocation. KEY_NOT_FOUND.
  absl::Status SetRecord(const v1::ApiKey& record);
  // False when it was revoked already.
  absl::StatusOr<bool> Revoke(const KeyId& id, absl::Time at);
  absl::StatusOr<std::vector<KeyId>> RevokeAllOf(const ActorId& actor, absl::Time at);
  absl::Status TouchLastUsed(const KeyId& id, absl::Time at);

  // The actor's password; KEY_NOT_FOUND when it has none.
  absl::StatusOr<PasswordRow> PasswordOf(const ActorId& actor);
  // In place of the one before it, under a new id.
  absl::Status SetPassword(const ActorId& actor, const KeyId& new_id, std::string_view hash,
                           absl::Time at);
  // Notes the use of the password and writes its hash, which may be another one of the same
  // password. False when the actor's password is no longer the one with this id.
  absl::StatusOr<bool> UsePassword(const ActorId& actor, const PasswordRow& password,
                                   absl::Time at);

 private:
  SqlSession* session_;
};

struct SessionRow {
  SessionId id;
  ActorId actor_id;
  absl::Time created_at;
  absl::Time last_seen_at;
  absl::Time expires_at;
  std::optional<absl::Time> revoked_at;
  std::string user_agent;
  std::string address;
};

class Sessions {
 public:
  explicit Sessions(SqlSession& session) : session_(&session) {}

  absl::Status Insert(const SessionRow& row);
  // UNAUTHENTICATED when there is none.
  absl::StatusOr<SessionRow> Get(const SessionId& id);
  absl::Status Extend(const SessionId& id, absl::Time last_seen_at, absl::Time expires_at);
  // False when it was revoked already.
  absl::StatusOr<bool> Revoke(const SessionId& id, absl::Time at);
  // All but `keep`; answers those that were good until then.
  absl::StatusOr<std::vector<SessionId>> RevokeAllOf(const ActorId& actor, absl::Time at,
                                                     const SessionId& keep = SessionId());
  // Sessions that are good at `now`, newest first, before the given id.
  absl::StatusOr<std::vector<SessionRow>> ListOf(const ActorId& actor, absl::Time now,
                                                 std::string_view before_id, uint32_t limit);
  // Deletes the actor's sessions that expired by then.
  absl::Status Sweep(const ActorId& actor, absl::Time now);

 private:
  SqlSession* session_;
};

}  // namespace heim
