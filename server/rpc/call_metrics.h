// CallMetrics counts and logs the calls of one method: how many, how they ended, how long they
// took, how many are under way. Owned by the ServerInvoker. Thread-safe. Never blocks, but for a
// lock at the first error of a kind and for the log.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/rpc/metrics.h"
#include "server/service/call.h"

namespace heim {

class CallMetrics {
 public:
  CallMetrics(Metrics& metrics, std::string method, bool streaming);

  void Begin();
  // One line of the log: warnings for faults of the server, the rest when debugging. No content of
  // requests or answers.
  void End(const CallContext& context, const absl::Status& status, absl::Duration took);

 private:
  Metrics::Value& Ended(const std::string& code);

  Metrics& metrics_;
  const std::string method_;
  const bool streaming_;
  Metrics::Value& in_flight_;
  Metrics::Value& time_us_;
  Metrics::Value& ok_;
};

}  // namespace heim
