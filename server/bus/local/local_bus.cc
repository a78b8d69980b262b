#include "server/bus/local/local_bus.h"

#include <utility>

namespace heim {

void LocalBus::SetHandler(BusHandler* handler) {
  absl::MutexLock lock(&mutex_);
  handler_ = handler;
  mutex_.Await(absl::Condition(this, &LocalBus::NoneRunning));
}

BusHandler* LocalBus::Begin() {
  absl::MutexLock lock(&mutex_);
  if (handler_ != nullptr) ++running_;
  return handler_;
}

void LocalBus::End() {
  absl::MutexLock lock(&mutex_);
  --running_;
}

void LocalBus::PublishWakeUp(const WorkspaceId& workspace, uint64_t position) {
  BusHandler* handler = Begin();
  if (handler == nullptr) return;
  handler->OnWakeUp(workspace, position);
  End();
}

void LocalBus::PublishEphemeral(const WorkspaceId& workspace,
                                std::shared_ptr<const v1::Event> event) {
  BusHandler* handler = Begin();
  if (handler == nullptr) return;
  handler->OnEphemeral(workspace, std::move(event));
  End();
}

}  // namespace heim
