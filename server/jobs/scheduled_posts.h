// ScheduledPosts sends scheduled messages when their time has come, those that fell due while the
// server was down at the start. Each is sent and marked in one transaction, so it is there once
// whatever happens in between. One that may not be sent any more is marked with the error's code.
// Owned by app; destroyed before the store, the Timers and the Executor stop. Thread-safe. Wake
// never blocks; Stop blocks until the batch under way is done.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "server/base/ids.h"
#include "server/hub/presence.h"
#include "server/jobs/due_jobs.h"
#include "server/store/store.h"

namespace heim {

class ScheduledPosts {
 public:
  ScheduledPosts(Store& store, Ids& ids, const PresenceBook& presence,
                 DueJobs::Dependencies dependencies);

  void Start() { jobs_.Start(); }
  void Wake(absl::Time send_at) { jobs_.Wake(send_at); }
  void Stop() { jobs_.Stop(); }

 private:
  class Batch;

  DueWork Work();
  void Run(absl::Time now, DueWork::Done done);

  Store& store_;
  Ids& ids_;
  const PresenceBook& presence_;
  DueJobs jobs_;
};

}  // namespace heim
