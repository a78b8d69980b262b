// Keeps files in order, as work for DueJobs: uploads that nothing is linked to go when their time
// has come, and messages beyond the first few learn that a file of theirs is gone or has a preview.
#pragma once

#include <functional>

#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/jobs/due_jobs.h"
#include "server/store/store.h"

namespace heim {

// A file that only a draft or a scheduled message has is looked at again after `kept`. `swept` is
// called when bytes may be left over, from the store's completion thread, and must not block. The
// arguments outlive the work.
DueWork FileUpkeep(Store& store, const Clock& clock, absl::Duration kept,
                   std::function<void()> swept);

}  // namespace heim
