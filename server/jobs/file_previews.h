// Makes previews of uploaded pictures, one file at a time, as work for DueJobs: it is due as long
// as there is a file that nobody has looked at, so a restart goes on where it stood. A file that
// ends the server twice gets none. Pictures are decoded on the Executor for files.
#pragma once

#include <functional>

#include "server/jobs/due_jobs.h"
#include "server/service/pictures.h"

namespace heim {

// `changed` is called when a file was looked at, from the store's completion thread, and must not
// block: more messages may have to show the preview, or bytes be left over. The arguments outlive
// the work.
DueWork FilePreviews(const PictureTools& tools, std::function<void()> changed);

}  // namespace heim
