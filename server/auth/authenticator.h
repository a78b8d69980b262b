// Authenticator turns a credential into a Caller: a session's JWT, an agent's key, a personal token
// or a one-use ticket. Owned by app. Thread-safe. Authenticate may block on a store read when its
// cache misses, so call it on the Executor.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/caller.h"

namespace heim {

// What a front found on a call.
struct Credential {
  std::string bearer;              // token of whatever kind; empty: none
  std::string workspace_selector;  // id or slug; empty: the credential's own, or the current one
  bool allow_ticket = false;       // WebSocket upgrades only
};

class Authenticator {
 public:
  virtual ~Authenticator() = default;

  // The caller; an unauthenticated Caller when `bearer` is empty. Errors: UNAUTHENTICATED,
  // TOKEN_EXPIRED, TOKEN_REVOKED, WORKSPACE_NOT_FOUND (a selector of a workspace that the actor is
  // not in). Same time for unknown and wrong keys.
  virtual absl::StatusOr<Caller> Authenticate(const Credential& credential) = 0;

  // Whether the caller's credential holds at this moment, by the rows: for what was opened with it
  // and lasts. TOKEN_EXPIRED, TOKEN_REVOKED, UNAUTHENTICATED, STORE_UNAVAILABLE. Blocks on a read.
  virtual absl::Status Recheck(const Caller& caller) = 0;

  // Forgets what is cached of a credential: it was revoked.
  virtual void DropCredential(std::string_view credential_id) = 0;

  // Forgets what is cached of an actor: role, scopes, profile or deactivation changed.
  virtual void DropActor(const ActorId& actor) = 0;

  // Told of every drop, with the one that it was about and the other one empty. Set once, before
  // the first call; must not block.
  using OnDrop = std::function<void(std::string_view credential_id, const ActorId& actor)>;
  virtual void SetOnDrop(OnDrop on_drop) = 0;
};

}  // namespace heim
