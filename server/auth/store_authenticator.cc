#include "server/auth/store_authenticator.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "server/auth/auth_errors.h"
#include "server/auth/key_secret.h"
#include "server/auth/session_scopes.h"
#include "server/base/crypto.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/time.h"

namespace heim {
namespace {

constexpr size_t kBearerMaxBytes = 4096;
constexpr size_t kSelectorMaxBytes = 128;
// Agents may register agents.
constexpr int kOwnersMax = 32;
constexpr absl::Duration kTouchEvery = absl::Minutes(1);

// NOT_FOUND of a credential row says no more than that the credential is unknown.
absl::Status AsUnauthenticated(const absl::Status& status) {
  if (ReasonOf(status) == v1::ERROR_REASON_STORE_UNAVAILABLE) return status;
  return CredentialUnknown();
}

// An agent rests while one of those that it belongs to is deactivated: its owner, or the owner of
// an agent that owns it.
absl::Status CheckOwners(ReadTx& tx, v1::Actor actor) {
  for (int i = 0; i < kOwnersMax; ++i) {
    if (!actor.agent().has_owner_id()) return absl::OkStatus();
    auto owner = tx.actors.Get(ActorId(actor.agent().owner_id()));
    if (!owner.ok()) return AsUnauthenticated(owner.status());
    if (owner->has_deleted_at()) return AgentPaused();
    actor = *std::move(owner);
  }
  return AgentPaused();
}

// Fills who the actor is; its credentials died with it when it was deactivated.
absl::Status FillActor(ReadTx& tx, Caller& caller) {
  const auto actor = tx.actors.Get(caller.actor_id);
  if (!actor.ok()) return AsUnauthenticated(actor.status());
  if (actor->has_deleted_at()) return TokenRevoked();
  HEIM_RETURN_IF_ERROR(CheckOwners(tx, *actor));
  caller.actor = RefOf(*actor);
  return absl::OkStatus();
}

// Finds the workspace that the selector names; `fixed` is the only one that the credential has.
absl::StatusOr<WorkspaceId> SelectWorkspace(ReadTx& tx, const Caller& caller,
                                            const WorkspaceId& fixed, std::string_view selector) {
  if (!selector.empty()) {
    HEIM_ASSIGN_OR_RETURN(const v1::Workspace workspace, tx.workspaces.GetByIdOrSlug(selector));
    const WorkspaceId id(workspace.id());
    if (!fixed.empty() && fixed != id) return WorkspaceNotFound();
    return id;
  }
  if (!fixed.empty()) return fixed;
  auto current = tx.workspaces.CurrentOf(caller.actor_id);
  if (ReasonOf(current.status()) == v1::ERROR_REASON_WORKSPACE_NOT_FOUND) return WorkspaceId();
  return current;
}

// Fills workspace and role. Without a selector an actor may be in no workspace.
absl::Status FillWorkspace(ReadTx& tx, const WorkspaceId& fixed, std::string_view selector,
                           Caller& caller) {
  HEIM_ASSIGN_OR_RETURN(const WorkspaceId id, SelectWorkspace(tx, caller, fixed, selector));
  if (id.empty()) return absl::OkStatus();
  const auto member = tx.workspaces.GetMember(id, caller.actor_id);
  if (member.ok()) {
    caller.workspace_id = id;
    caller.workspace_role = member->role();
    return absl::OkStatus();
  }
  if (ReasonOf(member.status()) != v1::ERROR_REASON_MEMBER_NOT_FOUND) return member.status();
  return selector.empty() ? absl::OkStatus() : WorkspaceNotFound();
}

}  // namespace

StoreAuthenticator::StoreAuthenticator(AuthenticatorOptions options, Store& store,
                                       const SessionTokens& tokens, Clock& clock, Entropy& entropy)
    : store_(store),
      tokens_(tokens),
      clock_(clock),
      cache_(options.cache),
      tickets_(options.tickets, entropy) {}

absl::StatusOr<Caller> StoreAuthenticator::Authenticate(const Credential& credential) {
  if (credential.bearer.empty()) return Caller();
  if (credential.bearer.size() > kBearerMaxBytes) return CredentialUnknown();
  if (credential.workspace_selector.size() > kSelectorMaxBytes) return WorkspaceNotFound();
  const std::string key = StrCat(Sha256(credential.bearer), credential.workspace_selector);
  if (const std::optional<Caller> known = cache_.Find(key, clock_.Monotonic())) {
    if (known->expires_at <= clock_.Now()) return TokenExpired();
    return *known;
  }
  const uint64_t generation = cache_.generation();
  Found found;
  HEIM_RETURN_IF_ERROR(store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(found, LookUp(tx, credential));
    return absl::OkStatus();
  }));
  if (!StartsWith(credential.bearer, kTicketPrefix)) {
    cache_.Put(key, found.caller, generation, clock_.Monotonic());
  }
  // A person that names a workspace moves there, for calls that name none.
  const bool moves = !credential.workspace_selector.empty() &&
                     found.caller.credential_type != v1::CREDENTIAL_TYPE_API_KEY;
  if (found.touch || moves) Touch(found.caller, moves);
  return std::move(found.caller);
}

absl::StatusOr<StoreAuthenticator::Found> StoreAuthenticator::LookUp(ReadTx& tx,
                                                                     const Credential& credential) {
  Found found;
  WorkspaceId fixed;
  std::string selector = credential.workspace_selector;
  if (StartsWith(credential.bearer, kTicketPrefix)) {
    const std::optional<Caller> issued = credential.allow_ticket
                                             ? tickets_.Take(credential.bearer, clock_.Monotonic())
                                             : std::nullopt;
    if (!issued.has_value()) return CredentialUnknown();
    HEIM_ASSIGN_OR_RETURN(found, LookUpIssued(tx, *issued));
    if (issued->credential_type == v1::CREDENTIAL_TYPE_API_KEY) fixed = issued->workspace_id;
    if (selector.empty()) selector = issued->workspace_id.str();
  } else if (KeyTypeOf(credential.bearer) != v1::CREDENTIAL_TYPE_UNSPECIFIED) {
    const auto row = tx.credentials.FindByHash(HashKeySecret(credential.bearer));
    if (!row.ok()) return AsUnauthenticated(row.status());
    if (row->type != KeyTypeOf(credential.bearer)) return CredentialUnknown();
    HEIM_ASSIGN_OR_RETURN(found, FromKey(*row));
    fixed = row->workspace_id;
  } else {
    HEIM_ASSIGN_OR_RETURN(const SessionClaims claims, tokens_.Verify(credential.bearer));
    HEIM_ASSIGN_OR_RETURN(found, LookUpSession(tx, claims.session_id));
    if (found.caller.actor_id != claims.actor_id) return CredentialUnknown();
    found.caller.expires_at = std::min(found.caller.expires_at, claims.expires_at);
  }
  Caller& caller = found.caller;
  HEIM_RETURN_IF_ERROR(FillActor(tx, caller));
  HEIM_RETURN_IF_ERROR(FillWorkspace(tx, fixed, selector, caller));
  caller.scopes = caller.is_session() ? SessionScopes(caller.workspace_role)
                                      : AllowedScopes(caller.scopes, caller.workspace_role);
  return found;
}

absl::StatusOr<StoreAuthenticator::Found> StoreAuthenticator::LookUpSession(ReadTx& tx,
                                                                            const SessionId& id) {
  const auto row = tx.sessions.Get(id);
  if (!row.ok()) return AsUnauthenticated(row.status());
  if (row->revoked_at.has_value()) return TokenRevoked();
  const absl::Time now = clock_.Now();
  if (row->expires_at <= now) return TokenExpired();
  Found found;
  found.caller.actor_id = row->actor_id;
  found.caller.credential_type = v1::CREDENTIAL_TYPE_PASSWORD;
  found.caller.credential_id = row->id.str();
  found.caller.expires_at = row->expires_at;
  found.touch = row->last_seen_at + kTouchEvery <= now;
  return found;
}

absl::StatusOr<StoreAuthenticator::Found> StoreAuthenticator::FromKey(const CredentialRow& row) {
  const v1::ApiKey& record = row.record;
  if (record.has_revoked_at()) return TokenRevoked();
  const absl::Time now = clock_.Now();
  Found found;
  if (record.has_expires_at()) found.caller.expires_at = FromTimestamp(record.expires_at());
  if (found.caller.expires_at <= now) return TokenExpired();
  found.caller.actor_id = ActorId(record.actor_id());
  found.caller.credential_type = row.type;
  found.caller.credential_id = record.id();
  found.caller.scopes.assign(record.scopes().begin(), record.scopes().end());
  found.touch =
      !record.has_last_used_at() || FromTimestamp(record.last_used_at()) + kTouchEvery <= now;
  return found;
}

absl::StatusOr<StoreAuthenticator::Found> StoreAuthenticator::LookUpIssued(ReadTx& tx,
                                                                           const Caller& issued) {
  Found found;
  if (issued.is_session()) {
    HEIM_ASSIGN_OR_RETURN(found, LookUpSession(tx, SessionId(issued.credential_id)));
  } else {
    const auto row = tx.credentials.Get(KeyId(issued.credential_id));
    if (!row.ok()) return AsUnauthenticated(row.status());
    HEIM_ASSIGN_OR_RETURN(found, FromKey(*row));
  }
  found.caller.expires_at = std::min(found.caller.expires_at, issued.expires_at);
  if (found.caller.expires_at <= clock_.Now()) return TokenExpired();
  return found;
}

// Losing this costs nothing but a stale time, so nobody waits for it.
void StoreAuthenticator::Touch(const Caller& caller, bool moves) {
  const absl::Time now = clock_.Now();
  Draft draft;
  draft.apply = [caller, now, moves](WriteTx& tx) -> absl::Status {
    if (!caller.is_session()) {
      HEIM_RETURN_IF_ERROR(tx.credentials.TouchLastUsed(KeyId(caller.credential_id), now));
    } else {
      const SessionId id(caller.credential_id);
      HEIM_ASSIGN_OR_RETURN(const SessionRow row, tx.sessions.Get(id));
      HEIM_RETURN_IF_ERROR(tx.sessions.Extend(id, now, row.expires_at));
    }
    if (!moves) return absl::OkStatus();
    return tx.workspaces.SetCurrent(caller.actor_id, caller.workspace_id);
  };
  store_.Commit(std::move(draft), [](const absl::StatusOr<Committed>& committed) {
    if (!committed.ok()) {
      LogDebug("Could not note a credential's use", {{"status", committed.status()}});
    }
  });
}

absl::Status StoreAuthenticator::Recheck(const Caller& caller) {
  if (!caller.authenticated()) return absl::OkStatus();
  return store_.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(Found found, LookUpIssued(tx, caller));
    return FillActor(tx, found.caller);
  });
}

void StoreAuthenticator::DropCredential(std::string_view credential_id) {
  cache_.DropCredential(credential_id);
  tickets_.DropCredential(credential_id);
  if (on_drop_) on_drop_(credential_id, ActorId());
}

void StoreAuthenticator::DropActor(const ActorId& actor) {
  cache_.DropActor(actor);
  tickets_.DropActor(actor);
  if (on_drop_) on_drop_("", actor);
}

absl::StatusOr<StoreAuthenticator::Ticket> StoreAuthenticator::MakeTicket(const Caller& caller) {
  Ticket ticket;
  ticket.expires_at = clock_.Now() + tickets_.good_for();
  HEIM_ASSIGN_OR_RETURN(ticket.ticket, tickets_.Make(caller, clock_.Monotonic()));
  return ticket;
}

}  // namespace heim
