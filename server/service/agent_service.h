// AgentService: registers agents and keeps their keys (proto/heim/v1/agent_service.proto says what
// each call needs, emits and fails with).
// Owned by app. Thread-safe. Handlers run on the Executor; reads block for a bounded time.
#pragma once

#include "heim/v1/agent_service.pb.h"
#include "server/auth/authenticator.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/base/ids.h"
#include "server/base/timers.h"
#include "server/hub/hub.h"
#include "server/hub/presence.h"
#include "server/service/call.h"
#include "server/service/key_ender.h"
#include "server/service/stream_stopper.h"
#include "server/store/store.h"

namespace heim {

// What is told of changes that are not the log's to tell.
struct AgentTools {
  Authenticator& authenticator;
  Hub& hub;
  PresenceBook& presence;
  StreamStopper& streams;
};

class AgentService {
 public:
  AgentService(Store& store, Clock& clock, Ids& ids, Entropy& entropy, Timers& timers,
               AgentTools tools)
      : store_(store),
        clock_(clock),
        ids_(ids),
        entropy_(entropy),
        tools_(tools),
        key_ender_(tools.authenticator, tools.hub, clock, timers) {}

  void RegisterAgent(CallContext& context, const v1::RegisterAgentRequest& request,
                     Reply<v1::RegisterAgentResponse> reply);
  void ListAgents(CallContext& context, const v1::ListAgentsRequest& request,
                  Reply<v1::ListAgentsResponse> reply);
  void UpdateAgent(CallContext& context, const v1::UpdateAgentRequest& request,
                   Reply<v1::UpdateAgentResponse> reply);
  void GetAgent(CallContext& context, const v1::GetAgentRequest& request,
                Reply<v1::GetAgentResponse> reply);
  void CreateAgentKey(CallContext& context, const v1::CreateAgentKeyRequest& request,
                      Reply<v1::CreateAgentKeyResponse> reply);
  void ListAgentKeys(CallContext& context, const v1::ListAgentKeysRequest& request,
                     Reply<v1::ListAgentKeysResponse> reply);
  void RotateAgentKey(CallContext& context, const v1::RotateAgentKeyRequest& request,
                      Reply<v1::RotateAgentKeyResponse> reply);
  void RevokeAgentKey(CallContext& context, const v1::RevokeAgentKeyRequest& request,
                      Reply<v1::RevokeAgentKeyResponse> reply);

 private:
  Store& store_;
  Clock& clock_;
  Ids& ids_;
  Entropy& entropy_;
  const AgentTools tools_;
  KeyEnder key_ender_;
};

}  // namespace heim
