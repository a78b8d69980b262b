// ErasureService: erasing actors (proto/heim/v1/erasure_service.proto says what each call needs,
// emits and fails with). The account is closed and nameless with the commit; what it left is erased
// by a job (jobs/actor_erasure.h).
// Owned by app. Thread-safe. Handlers run on the Executor; who erases itself is checked by its
// password there.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "heim/v1/erasure_service.pb.h"
#include "server/auth/authenticator.h"
#include "server/auth/login_throttle.h"
#include "server/auth/passwords.h"
#include "server/base/clock.h"
#include "server/base/ids.h"
#include "server/hub/hub.h"
#include "server/hub/presence.h"
#include "server/service/call.h"
#include "server/service/stream_stopper.h"
#include "server/store/store.h"

namespace heim {

class ErasureService {
 public:
  struct Dependencies {
    Store& store;
    Clock& clock;
    Ids& ids;
    Passwords& passwords;
    LoginThrottle& throttle;
    Authenticator& authenticator;
    Hub& hub;
    PresenceBook& presence;
    StreamStopper& streams;
  };

  // `on_erase` is called after each commit that begins an erasure, and must not block.
  ErasureService(const Dependencies& dependencies, std::function<void()> on_erase)
      : deps_(dependencies), on_erase_(std::move(on_erase)) {}

  void EraseActor(CallContext& context, const v1::EraseActorRequest& request,
                  Reply<v1::EraseActorResponse> reply);
  void GetErasure(CallContext& context, const v1::GetErasureRequest& request,
                  Reply<v1::GetErasureResponse> reply);

 private:
  struct Cut;  // what is to be closed after the commit

  absl::Status CheckPassword(const CallContext& context, const v1::EraseActorRequest& request);
  void Close(const Caller& caller, const ActorId& erased, const Cut& cut);

  const Dependencies deps_;
  const std::function<void()> on_erase_;
};

}  // namespace heim
