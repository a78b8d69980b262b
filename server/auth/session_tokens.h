// SessionTokens signs and checks the JWTs that name sessions: HS256 and nothing else, whatever a
// token's header asks for. A token proves nothing but its session's id; the session itself is a row
// that can be revoked. Owned by app. Thread-safe, never blocks.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/model/ids.h"

namespace heim {

struct SessionClaims {
  ActorId actor_id;
  SessionId session_id;
  absl::Time issued_at;
  absl::Time expires_at;
};

class SessionTokens {
 public:
  // Tokens are signed with a key derived from the server's secret.
  SessionTokens(std::string_view secret_key, Clock& clock);

  std::string Sign(const SessionClaims& claims) const;

  // UNAUTHENTICATED for what is not one of our tokens, TOKEN_EXPIRED.
  absl::StatusOr<SessionClaims> Verify(std::string_view token) const;

 private:
  const std::string key_;
  Clock& clock_;
};

}  // namespace heim
