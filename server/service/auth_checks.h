// The few checks and errors that the parts of AuthService share. Pure; any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "server/base/strings.h"
#include "server/model/caller.h"
#include "server/model/errors.h"

namespace heim {

inline absl::Status InvalidCredentials() {
  return MakeError(v1::ERROR_REASON_INVALID_CREDENTIALS, "Account and password do not match");
}

inline absl::Status RequireSession(const Caller& caller) {
  if (caller.is_session()) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_PERMISSION_DENIED, "Only a log-in has a session; keys do not");
}

// What the tries of an account are counted under, however it was named.
inline std::string ThrottleNameOf(const ActorId& actor) { return StrCat("id:", actor.str()); }

}  // namespace heim
