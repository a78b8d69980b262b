// PresenceService: availability and typing (proto/heim/v1/presence_service.proto says what each
// call needs, emits and fails with). What was set by hand is kept in the actor's row; everything
// else is ephemeral.
// Owned by app. Thread-safe. Handlers run on the Executor; reads block for a bounded time.
#pragma once

#include <memory>

#include "heim/v1/presence_service.pb.h"
#include "server/hub/hub.h"
#include "server/hub/presence.h"
#include "server/model/stream_call.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

class PresenceService {
 public:
  PresenceService(Store& store, PresenceBook& book, Hub& hub)
      : store_(store), book_(book), hub_(hub) {}

  void GetPresence(CallContext& context, const v1::GetPresenceRequest& request,
                   Reply<v1::GetPresenceResponse> reply);
  void UpdatePresence(CallContext& context, const v1::UpdatePresenceRequest& request,
                      Reply<v1::UpdatePresenceResponse> reply);
  void BatchGetPresence(CallContext& context, const v1::BatchGetPresenceRequest& request,
                        Reply<v1::BatchGetPresenceResponse> reply);
  void SendTyping(CallContext& context, const v1::SendTypingRequest& request,
                  Reply<v1::SendTypingResponse> reply);
  void WatchPresence(CallContext& context, const v1::WatchPresenceRequest& request,
                     Reply<std::shared_ptr<FrameSource>> reply);

 private:
  v1::ActorPresence PresenceOf(const v1::Actor& actor) const;

  Store& store_;
  PresenceBook& book_;
  Hub& hub_;
};

}  // namespace heim
