// What follows the commit that revoked sessions: they are forgotten and what they hold open is
// closed. Any thread; never blocks.
#pragma once

#include <vector>

#include "server/auth/authenticator.h"
#include "server/hub/hub.h"
#include "server/model/ids.h"

namespace heim {

inline void EndSessions(const std::vector<SessionId>& sessions, Authenticator& authenticator,
                        Hub& hub) {
  for (const SessionId& session : sessions) {
    authenticator.DropCredential(session.str());
    hub.EndCredential(session.str(), "credential_revoked");
  }
}

}  // namespace heim
