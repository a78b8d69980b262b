// Caller is who makes a call, as the Authenticator found it. A value: copied freely, any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "heim/v1/actor.pb.h"
#include "heim/v1/agent.pb.h"
#include "heim/v1/workspace.pb.h"
#include "server/model/ids.h"

namespace heim {

struct Caller {
  // Empty for a call without credential (only `public` methods get one).
  ActorId actor_id;
  v1::ActorRef actor;
  // Workspace of the call; empty when the actor has none yet.
  WorkspaceId workspace_id;
  // UNSPECIFIED when the actor is in no workspace.
  v1::WorkspaceRole workspace_role = v1::WORKSPACE_ROLE_UNSPECIFIED;
  // What authenticated the call. PASSWORD stands for a session.
  v1::CredentialType credential_type = v1::CREDENTIAL_TYPE_UNSPECIFIED;
  // Id of the key or session.
  std::string credential_id;
  // Scopes held. A session holds all that its role allows, admin:* for owners and admins.
  std::vector<std::string> scopes;
  // InfiniteFuture when it does not expire.
  absl::Time expires_at = absl::InfiniteFuture();

  bool authenticated() const { return !actor_id.empty(); }
  bool is_session() const { return credential_type == v1::CREDENTIAL_TYPE_PASSWORD; }
};

}  // namespace heim
