// ActorService: people, agents and their profiles (proto/heim/v1/actor_service.proto says what each
// call needs, emits and fails with).
// Owned by app. Thread-safe. Handlers run on the Executor; CreateActor blocks for the length of a
// password hash when it is given one.
#pragma once

#include <string_view>

#include "heim/v1/actor_service.pb.h"
#include "server/auth/authenticator.h"
#include "server/auth/passwords.h"
#include "server/base/clock.h"
#include "server/base/ids.h"
#include "server/hub/hub.h"
#include "server/hub/presence.h"
#include "server/service/call.h"
#include "server/service/stream_stopper.h"
#include "server/store/store.h"

namespace heim {

struct ActorOptions {
  bool open_registration = false;  // HEIM_REGISTRATION=open
  bool by_invite = true;           // unless HEIM_REGISTRATION=disabled
};

// What is told of changes that are not the log's to tell.
struct ActorTools {
  Passwords& passwords;
  Authenticator& authenticator;
  Hub& hub;
  PresenceBook& presence;
  StreamStopper& streams;
};

class ActorService {
 public:
  ActorService(ActorOptions options, Store& store, Clock& clock, Ids& ids, ActorTools tools)
      : options_(options), store_(store), clock_(clock), ids_(ids), tools_(tools) {}

  void CreateActor(CallContext& context, const v1::CreateActorRequest& request,
                   Reply<v1::CreateActorResponse> reply);
  void GetActor(CallContext& context, const v1::GetActorRequest& request,
                Reply<v1::GetActorResponse> reply);
  void UpdateActor(CallContext& context, const v1::UpdateActorRequest& request,
                   Reply<v1::UpdateActorResponse> reply);
  void DeactivateActor(CallContext& context, const v1::DeactivateActorRequest& request,
                       Reply<v1::DeactivateActorResponse> reply);
  void ReactivateActor(CallContext& context, const v1::ReactivateActorRequest& request,
                       Reply<v1::ReactivateActorResponse> reply);
  void ListActors(CallContext& context, const v1::ListActorsRequest& request,
                  Reply<v1::ListActorsResponse> reply);

 private:
  // Whether CreateActor may go on to the dear hash; the commit checks again.
  absl::Status CheckAdmission(const Caller& caller, const v1::CreateActorRequest& request);
  // Ends what the actor holds open, after the commit that took its access.
  void CutOff(const ActorId& id, std::string_view goodbye_reason);

  const ActorOptions options_;
  Store& store_;
  Clock& clock_;
  Ids& ids_;
  const ActorTools tools_;
};

}  // namespace heim
