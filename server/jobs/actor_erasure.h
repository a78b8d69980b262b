// Erases what actors left behind, one bounded step of one erasure at a time, as work for DueJobs:
// it is due as long as anything is left. A restart goes on where it stood.
#pragma once

#include <functional>

#include "server/base/clock.h"
#include "server/jobs/due_jobs.h"
#include "server/store/store.h"

namespace heim {

// `sweep` is called while bytes of files or forwarded copies are still to go, from the Executor,
// and must not block. The arguments outlive the work.
DueWork ActorErasure(Store& store, const Clock& clock, std::function<void()> sweep);

}  // namespace heim
