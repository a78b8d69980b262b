#include "server/service/key_ender.h"

#include "server/model/time.h"

namespace heim {

void KeyEnder::EndInTime(const v1::ApiKey& key) {
  const absl::Time at = FromTimestamp(key.expires_at());
  if (at <= clock_.Now()) return End(key.id());
  // What is cached of it does not know its end.
  authenticator_.DropCredential(key.id());
  timers_.At(at, Gate::Guard(gate_, [this, id = key.id()] { End(id); }));
}

void KeyEnder::End(const std::string& key_id) {
  authenticator_.DropCredential(key_id);
  hub_.EndCredential(key_id, "credential_revoked");
}

}  // namespace heim
