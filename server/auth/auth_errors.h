// The few errors of this folder, one text each, so that nothing can be told from their wording.
// Pure; any thread.
#pragma once

#include "absl/status/status.h"
#include "server/model/errors.h"

namespace heim {

inline absl::Status CredentialUnknown() { return Unauthenticated("The credential is not known"); }

inline absl::Status TokenExpired() {
  return MakeError(v1::ERROR_REASON_TOKEN_EXPIRED, "The credential has expired");
}

inline absl::Status TokenRevoked() {
  return MakeError(v1::ERROR_REASON_TOKEN_REVOKED, "The credential was revoked");
}

inline absl::Status AgentPaused() {
  return MakeError(v1::ERROR_REASON_TOKEN_REVOKED,
                   "The agent is paused, because its owner was deactivated");
}

}  // namespace heim
