// DnsResolver asks name servers, by c-ares, which keeps to a deadline where the system's own
// look-up does not. Owned by app. Thread-safe. Resolve blocks, at most until its deadline.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "server/base/clock.h"
#include "server/net/resolver.h"

namespace heim {

class DnsResolver final : public Resolver {
 public:
  // `servers` such as "10.0.0.2,10.0.0.3:5353"; empty: the system's (resolv.conf), with its hosts
  // file. Search domains are not used. INVALID_ARGUMENT for what is no list of servers.
  static absl::StatusOr<std::unique_ptr<DnsResolver>> Create(std::string servers, Clock& clock);
  ~DnsResolver() override;

  absl::StatusOr<std::vector<IpAddress>> Resolve(const std::string& host,
                                                 absl::Duration deadline) override;

  // Ends what is under way and refuses everything from now on. Does not wait.
  void Stop() { stopped_.store(true); }

 private:
  DnsResolver(std::string servers, Clock& clock);

  const std::string servers_;
  Clock& clock_;
  std::atomic<bool> stopped_{false};
};

}  // namespace heim
