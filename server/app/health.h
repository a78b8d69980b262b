// The answer of GET /health. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "absl/time/time.h"
#include "server/base/strings.h"

namespace heim {

struct Health {
  std::string version;
  absl::Duration uptime;
  size_t connections = 0;  // open subscriptions
  size_t calls_in_flight = 0;
};

inline std::string HealthJson(const Health& health) {
  return StrCat("{\"status\":\"ok\",\"version\":\"", health.version,
                "\",\"uptime_seconds\":", absl::ToInt64Seconds(health.uptime),
                ",\"connections\":", health.connections,
                ",\"calls_in_flight\":", health.calls_in_flight, "}");
}

}  // namespace heim
