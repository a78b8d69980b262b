// EventService: the log over any front (proto/heim/v1/event_service.proto). Subscribe and
// ListEvents are readers of the hub; Session lives in rpc, beside the method table that its
// commands go through. Owned by app. Thread-safe. Handlers run on the Executor; reads block for a
// bounded time.
#pragma once

#include <memory>

#include "heim/v1/event_service.pb.h"
#include "server/base/executor.h"
#include "server/base/ids.h"
#include "server/base/timers.h"
#include "server/hub/hub.h"
#include "server/model/stream_call.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

class EventService {
 public:
  struct Dependencies {
    Store& store;
    Hub& hub;
    Ids& ids;
    Timers& timers;
    Executor& executor;
  };

  explicit EventService(const Dependencies& dependencies) : deps_(dependencies) {}

  void Subscribe(CallContext& context, const v1::SubscribeRequest& request,
                 Reply<std::shared_ptr<FrameSource>> reply);
  void ListEvents(CallContext& context, const v1::ListEventsRequest& request,
                  Reply<v1::ListEventsResponse> reply);

 private:
  absl::StatusOr<std::shared_ptr<Subscription>> Open(const CallContext& context,
                                                     v1::SubscribeRequest request);

  const Dependencies deps_;
};

}  // namespace heim
