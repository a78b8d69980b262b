// KeyEnder closes what a key holds open when an expiry that it got later comes: sockets and streams
// know only the expiry of their opening. Owned by a service. Thread-safe, never blocks. What waits
// here is lost with the process, as are the sockets.
#pragma once

#include <memory>
#include <string>

#include "heim/v1/agent.pb.h"
#include "server/auth/authenticator.h"
#include "server/base/clock.h"
#include "server/base/timers.h"
#include "server/hub/gate.h"
#include "server/hub/hub.h"

namespace heim {

class KeyEnder {
 public:
  KeyEnder(Authenticator& authenticator, Hub& hub, Clock& clock, Timers& timers)
      : authenticator_(authenticator), hub_(hub), clock_(clock), timers_(timers) {}
  ~KeyEnder() { gate_->Close(); }
  KeyEnder(const KeyEnder&) = delete;
  KeyEnder& operator=(const KeyEnder&) = delete;

  // After the commit that gave the key its expiry. Ends it now when that is past.
  void EndInTime(const v1::ApiKey& key);

 private:
  void End(const std::string& key_id);

  Authenticator& authenticator_;
  Hub& hub_;
  Clock& clock_;
  Timers& timers_;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
};

}  // namespace heim
