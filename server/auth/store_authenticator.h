// StoreAuthenticator looks credentials up in the store, by hash, and remembers the answer for at
// most a minute; a revocation is felt at once. Owned by app. Thread-safe. Authenticate blocks on a
// store read when the cache misses.
//
// Scopes are what the credential was given, cut down to what its actor's role allows now. When a
// credential was last used is written at most once a minute, behind the call.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/auth/authenticator.h"
#include "server/auth/caller_cache.h"
#include "server/auth/session_tokens.h"
#include "server/auth/tickets.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/store/store.h"

namespace heim {

struct AuthenticatorOptions {
  CallerCache::Options cache;
  Tickets::Options tickets;
};

class StoreAuthenticator final : public Authenticator {
 public:
  StoreAuthenticator(AuthenticatorOptions options, Store& store, const SessionTokens& tokens,
                     Clock& clock, Entropy& entropy);

  absl::StatusOr<Caller> Authenticate(const Credential& credential) override;
  absl::Status Recheck(const Caller& caller) override;
  void DropCredential(std::string_view credential_id) override;
  void DropActor(const ActorId& actor) override;
  void SetOnDrop(OnDrop on_drop) override { on_drop_ = std::move(on_drop); }

  struct Ticket {
    std::string ticket;
    absl::Time expires_at;
  };
  // A ticket for the caller's credential and workspace. OVERLOADED.
  absl::StatusOr<Ticket> MakeTicket(const Caller& caller);

 private:
  struct Found {
    Caller caller;
    bool touch = false;  // it is a minute since its use was written
  };
  absl::StatusOr<Found> LookUp(ReadTx& tx, const Credential& credential);
  absl::StatusOr<Found> LookUpSession(ReadTx& tx, const SessionId& id);
  absl::StatusOr<Found> FromKey(const CredentialRow& row);
  // By the credential's id instead of its secret.
  absl::StatusOr<Found> LookUpIssued(ReadTx& tx, const Caller& issued);
  void Touch(const Caller& caller, bool moves);

  Store& store_;
  const SessionTokens& tokens_;
  Clock& clock_;
  CallerCache cache_;
  Tickets tickets_;
  OnDrop on_drop_;
};

}  // namespace heim
