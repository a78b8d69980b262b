// Removes what has been in an inbox for kInboxKept, looked for once a day. For DueJobs. The store
// and the clock outlive it.
#pragma once

#include "server/base/clock.h"
#include "server/jobs/due_jobs.h"
#include "server/store/store.h"

namespace heim {

DueWork InboxSweep(Store& store, Clock& clock);

}  // namespace heim
