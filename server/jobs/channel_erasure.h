// Erases what is left of purged channels, one bounded step of one channel at a time, as work for
// DueJobs: it is due as long as anything is left.
#pragma once

#include <functional>

#include "server/base/clock.h"
#include "server/jobs/due_jobs.h"
#include "server/store/store.h"

namespace heim {

// `erased` is called when a channel is done, from the store's completion thread, and must not
// block: bytes of files that were left without a message, and copies that were forwarded from
// there, are still to go. The arguments outlive the work.
DueWork ChannelErasure(Store& store, const Clock& clock, std::function<void()> erased);

}  // namespace heim
