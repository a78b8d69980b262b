#include "server/service/keys.h"

#include <algorithm>
#include <utility>

#include "server/base/ids.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/page.h"
#include "server/model/people_limits.h"
#include "server/model/scopes.h"
#include "server/model/time.h"

namespace heim {
namespace {

constexpr uint32_t kKeysAtOnce = 100;

bool Works(const v1::ApiKey& key, absl::Time now) {
  const bool expired = key.has_expires_at() && FromTimestamp(key.expires_at()) <= now;
  return !key.has_revoked_at() && !expired;
}

// How many keys of the actor work, as far as it matters whether there are so many.
absl::StatusOr<int> CountLive(ReadTx& tx, const ActorId& actor, v1::CredentialType type,
                              absl::Time now, int enough) {
  int live = 0;
  std::string before;
  while (true) {
    HEIM_ASSIGN_OR_RETURN(const std::vector<v1::ApiKey> keys,
                          tx.credentials.ListOf(actor, type, before, kKeysAtOnce));
    for (const v1::ApiKey& key : keys) {
      if (Works(key, now) && ++live == enough) return live;
    }
    if (keys.size() < kKeysAtOnce) return live;
    before = keys.back().id();
  }
}

absl::Status CheckRoom(ReadTx& tx, const ActorId& agent, absl::Time now) {
  HEIM_ASSIGN_OR_RETURN(const int live,
                        CountLive(tx, agent, v1::CREDENTIAL_TYPE_API_KEY, now, kAgentKeysMax));
  if (live < kAgentKeysMax) return absl::OkStatus();
  return MakeError(
      v1::ERROR_REASON_LIMIT_REACHED,
      StrCat("At most ", kAgentKeysMax, " keys of an agent work at a time: revoke one first"));
}

absl::StatusOr<CredentialRow> FindKey(ReadTx& tx, const ActorId& actor, v1::CredentialType type,
                                      const KeyId& id) {
  if (!IsUuid(id.str())) return KeyNotFound();
  HEIM_ASSIGN_OR_RETURN(CredentialRow row, tx.credentials.Get(id));
  if (row.type != type || row.record.actor_id() != actor.str()) return KeyNotFound();
  return row;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> GrantedScopes(
    const Caller& granter, const google::protobuf::RepeatedPtrField<std::string>& asked) {
  std::vector<std::string> granted;
  if (asked.empty()) {
    for (const std::string& scope : granter.scopes) {
      if (scope != kScopeAdmin) granted.push_back(scope);
    }
    return granted;
  }
  for (const std::string& scope : asked) {
    if (!IsKnownScope(scope)) return InvalidField("scopes", "known scopes, such as messages:read");
    if (!HasScope(granter.scopes, scope)) return MissingScope(scope);
    if (std::find(granted.begin(), granted.end(), scope) == granted.end()) {
      granted.push_back(scope);
    }
  }
  return granted;
}

absl::StatusOr<absl::Time> KeyExpiry(bool given, const google::protobuf::Timestamp& expires_at,
                                     absl::Time now) {
  if (!given) return absl::InfiniteFuture();
  const absl::Time at = FromTimestamp(expires_at);
  if (at <= now) return InvalidField("expires_at", "a time in the future");
  return at;
}

absl::StatusOr<v1::ApiKey> InsertKey(WriteTx& tx, const NewKey& key, const KeySecret& secret) {
  if (key.type == v1::CREDENTIAL_TYPE_API_KEY) {
    HEIM_RETURN_IF_ERROR(CheckRoom(tx, key.actor_id, key.created_at));
  }
  CredentialRow row;
  row.type = key.type;
  row.workspace_id = key.workspace_id;
  row.secret_hash = secret.hash;
  row.record.set_id(key.id.str());
  row.record.set_actor_id(key.actor_id.str());
  row.record.set_label(key.label);
  row.record.set_prefix(secret.shown);
  for (const std::string& scope : key.scopes) row.record.add_scopes(scope);
  if (key.expires_at != absl::InfiniteFuture()) {
    *row.record.mutable_expires_at() = ToTimestamp(key.expires_at);
  }
  *row.record.mutable_created_at() = ToTimestamp(key.created_at);
  HEIM_RETURN_IF_ERROR(tx.credentials.Insert(row));
  return std::move(row.record);
}

absl::StatusOr<KeyPage> ListKeys(ReadTx& tx, const ActorId& actor, v1::CredentialType type,
                                 uint32_t limit, const std::string& cursor) {
  HEIM_ASSIGN_OR_RETURN(const uint32_t count, PageLimit(limit));
  std::string before;
  if (!cursor.empty()) {
    HEIM_ASSIGN_OR_RETURN(before, DecodeCursor(cursor, actor.str()));
  }
  KeyPage page;
  HEIM_ASSIGN_OR_RETURN(page.keys, tx.credentials.ListOf(actor, type, before, count + 1));
  if (page.keys.size() > count) {
    page.keys.resize(count);
    page.next_cursor = EncodeCursor(actor.str(), page.keys.back().id());
  }
  return page;
}

absl::StatusOr<absl::Duration> KeyOverlap(bool given, const google::protobuf::Duration& overlap) {
  if (!given) return kKeyOverlapDefault;
  const absl::Duration asked =
      absl::Seconds(overlap.seconds()) + absl::Nanoseconds(overlap.nanos());
  if (asked < absl::ZeroDuration() || asked > kKeyOverlapMax) {
    return InvalidField("overlap", "0 to 7 days");
  }
  return asked;
}

absl::StatusOr<RotatedKey> RotateKey(WriteTx& tx, const Caller& caller, const KeyRotation& rotation,
                                     const KeySecret& secret) {
  HEIM_ASSIGN_OR_RETURN(const CredentialRow row,
                        FindKey(tx, rotation.actor_id, rotation.type, rotation.old_id));
  RotatedKey rotated;
  rotated.old_key = row.record;
  if (!Works(row.record, rotation.now)) return InvalidField("key_id", "a key that still works");
  NewKey key;
  key.id = rotation.new_id;
  key.actor_id = rotation.actor_id;
  key.type = rotation.type;
  key.workspace_id = row.workspace_id;
  key.label = row.record.label();
  key.created_at = rotation.now;
  for (const std::string& scope : row.record.scopes()) {
    if (!HasScope(caller.scopes, scope)) return MissingScope(scope);
    key.scopes.push_back(scope);
  }
  if (rotation.expires_at.has_value()) {
    key.expires_at = *rotation.expires_at;
  } else if (row.record.has_expires_at()) {
    key.expires_at = rotation.now + (FromTimestamp(row.record.expires_at()) -
                                     FromTimestamp(row.record.created_at()));
  }
  absl::Time ends = rotation.now + rotation.overlap;
  if (row.record.has_expires_at()) ends = std::min(ends, FromTimestamp(row.record.expires_at()));
  *rotated.old_key.mutable_expires_at() = ToTimestamp(ends);
  HEIM_RETURN_IF_ERROR(tx.credentials.SetRecord(rotated.old_key));
  if (ends <= rotation.now) {
    HEIM_RETURN_IF_ERROR(tx.credentials.Revoke(rotation.old_id, rotation.now).status());
    *rotated.old_key.mutable_revoked_at() = ToTimestamp(rotation.now);
  }
  // The old one no longer counts when it has ended.
  HEIM_ASSIGN_OR_RETURN(rotated.key, InsertKey(tx, key, secret));
  return rotated;
}

absl::StatusOr<v1::ApiKey> RevokeKey(WriteTx& tx, const ActorId& actor, v1::CredentialType type,
                                     const KeyId& id, absl::Time at) {
  HEIM_ASSIGN_OR_RETURN(CredentialRow row, FindKey(tx, actor, type, id));
  HEIM_ASSIGN_OR_RETURN(const bool revoked, tx.credentials.Revoke(id, at));
  tx.note.nothing = !revoked;
  tx.note.Before(row.record);
  if (revoked) *row.record.mutable_revoked_at() = ToTimestamp(at);
  return std::move(row.record);
}

absl::StatusOr<bool> HasLiveKey(ReadTx& tx, const ActorId& agent, absl::Time now) {
  HEIM_ASSIGN_OR_RETURN(const int live, CountLive(tx, agent, v1::CREDENTIAL_TYPE_API_KEY, now, 1));
  return live > 0;
}

}  // namespace heim
