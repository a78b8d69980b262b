// EventReader follows a workspace's log: it connects, resumes by cursor after a loss, and hands
// over each event once. Run is called by one thread and blocks; Stop may be called from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cli/client.h"
#include "heim/v1/event_service.pb.h"

namespace heim {

class EventReader {
 public:
  struct Handlers {
    std::function<void(const v1::Event&)> on_event;
    // After (re)connecting, once replay has ended.
    std::function<void(const v1::ActorRef& me)> on_ready;
    // What happened to the connection, for people.
    std::function<void(const std::string&)> on_notice;
  };

  EventReader(Client& client, v1::SubscribeRequest request, Handlers handlers)
      : client_(client), request_(std::move(request)), handlers_(std::move(handlers)) {}

  // Reads until Stop, or until the credential no longer holds. Connects again after other losses,
  // with jitter up to 30 s.
  absl::Status Run();
  void Stop();

 private:
  grpc::Status ReadOnce(bool* progressed);
  void Handle(const v1::SubscribeResponse& batch);
  // False when stopped meanwhile.
  bool Pause(absl::Duration pause);

  Client& client_;
  v1::SubscribeRequest request_;
  const Handlers handlers_;
  v1::ActorRef me_;
  absl::Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace heim
