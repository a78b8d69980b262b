// LocalBus is the bus of an installation with one node: it calls its handler in process, in the
// publisher's thread. Owned by app. Thread-safe. Never blocks, as its handler does not.
#pragma once

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/bus/bus.h"

namespace heim {

class LocalBus final : public Bus {
 public:
  void SetHandler(BusHandler* handler) override;
  void PublishWakeUp(const WorkspaceId& workspace, uint64_t position) override;
  void PublishEphemeral(const WorkspaceId& workspace,
                        std::shared_ptr<const v1::Event> event) override;

 private:
  // Counts a call of the handler, so that SetHandler can wait for it without a lock being held.
  BusHandler* Begin();
  void End();
  bool NoneRunning() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return running_ == 0; }

  absl::Mutex mutex_;
  BusHandler* handler_ ABSL_GUARDED_BY(mutex_) = nullptr;
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace heim
