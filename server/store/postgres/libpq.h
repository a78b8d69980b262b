// libpq comes into the program at run time, and only when a PostgreSQL database is asked for: the
// program itself needs no more than libc. libpqxx is linked in, and what it calls of libpq are
// forwarders to the library that is loaded here. Stateless but for what is loaded, once for the
// process; thread-safe; the first call blocks on the disk.
#pragma once

#include "absl/status/status.h"

namespace heim {

// Before anything of libpqxx is touched. FAILED_PRECONDITION, with a line for the operator, when
// there is no libpq here or it lacks something.
absl::Status LoadLibpq();

namespace internal {

// The same for another library, into the same table. For tests.
absl::Status LoadLibpqFrom(const char* library);

}  // namespace internal
}  // namespace heim
