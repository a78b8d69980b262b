// Resolver finds the addresses of a host's name. Implementations are thread-safe and owned by the
// wiring or the test.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/net/ip_address.h"

namespace heim {

class Resolver {
 public:
  virtual ~Resolver() = default;

  // Every address that the name has now, of both versions, at least one. Blocks until `deadline` of
  // the monotonic clock at most. UNAVAILABLE when it has none or nobody answers, DEADLINE_EXCEEDED.
  virtual absl::StatusOr<std::vector<IpAddress>> Resolve(const std::string& host,
                                                         absl::Duration deadline) = 0;
};

}  // namespace heim
