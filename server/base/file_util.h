// Whole files, written so that a crash leaves the old or the new content and nothing between.
// Pure functions; any thread; all of them block on the disk. Errors carry the code for the errno
// (ENOENT NOT_FOUND, EACCES PERMISSION_DENIED, ENOSPC RESOURCE_EXHAUSTED …) and name the path:
// they are for the log and the operator, not for clients.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace heim {

// RESOURCE_EXHAUSTED when the file is larger than `max_bytes`; INVALID_ARGUMENT for a directory.
absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     size_t max_bytes = size_t{64} * 1024 * 1024);

// Writes a temporary file beside `path`, syncs it, renames it and syncs the directory. `mode` is
// exact, whatever the umask.
absl::Status WriteFileAtomically(const std::string& path, std::string_view bytes, mode_t mode);

// Makes the directory and its parents; `mode` for those it makes. FAILED_PRECONDITION when
// something else has the name.
absl::Status EnsureDirectory(const std::string& path, mode_t mode);

// OK also when there is no such file.
absl::Status RemoveFile(const std::string& path);

bool FileExists(const std::string& path);

// The status for an errno; `what` says what was tried, as in "open /data/heim.db".
absl::Status ErrnoToStatus(int error, std::string_view what);

}  // namespace heim
