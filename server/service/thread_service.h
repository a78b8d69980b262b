// ThreadService: following threads and the inbox of followed ones
// (proto/heim/v1/thread_service.proto). Owned by app. Thread-safe. Handlers run on the Executor;
// reads block for a bounded time.
#pragma once

#include "heim/v1/thread_service.pb.h"
#include "server/base/clock.h"
#include "server/service/call.h"
#include "server/store/store.h"

namespace heim {

class ThreadService {
 public:
  ThreadService(Store& store, Clock& clock) : store_(store), clock_(clock) {}

  void FollowThread(CallContext& context, const v1::FollowThreadRequest& request,
                    Reply<v1::FollowThreadResponse> reply);
  void UnfollowThread(CallContext& context, const v1::UnfollowThreadRequest& request,
                      Reply<v1::UnfollowThreadResponse> reply);
  void GetThreadState(CallContext& context, const v1::GetThreadStateRequest& request,
                      Reply<v1::GetThreadStateResponse> reply);
  void ListFollowedThreads(CallContext& context, const v1::ListFollowedThreadsRequest& request,
                           Reply<v1::ListFollowedThreadsResponse> reply);
  void ListThreads(CallContext& context, const v1::ListThreadsRequest& request,
                   Reply<v1::ListThreadsResponse> reply);
  void MarkThreadsRead(CallContext& context, const v1::MarkThreadsReadRequest& request,
                       Reply<v1::MarkThreadsReadResponse> reply);

 private:
  Store& store_;
  Clock& clock_;
};

}  // namespace heim
