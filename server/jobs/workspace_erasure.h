// Erases what is left of deleted workspaces, one bounded step of one workspace at a time, as work
// for DueJobs: it is due as long as anything is left. A restart goes on where it stood.
#pragma once

#include <functional>

#include "server/base/clock.h"
#include "server/jobs/due_jobs.h"
#include "server/store/store.h"

namespace heim {

// `purged` is called when channels were handed to ChannelErasure, `swept` when bytes of files are
// still to go; both from the store's completion thread, and they must not block. The arguments
// outlive the work.
DueWork WorkspaceErasure(Store& store, const Clock& clock, std::function<void()> purged,
                         std::function<void()> swept);

}  // namespace heim
