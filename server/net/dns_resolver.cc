#include "server/net/dns_resolver.h"

#include <ares.h>
#include <netdb.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr int kTryMs = 2000;
constexpr int kTries = 2;
// How soon a Stop is seen.
constexpr absl::Duration kSlice = absl::Milliseconds(100);
constexpr size_t kAddressesMax = 256;

// What one look-up needs, for as long as it runs.
class Channel {
 public:
  ~Channel() {
    if (channel_ != nullptr) ares_destroy(channel_);
  }

  absl::Status Open(const std::string& servers) {
    ares_options options{};
    options.flags = ARES_FLAG_NOSEARCH;
    options.timeout = kTryMs;
    options.tries = kTries;
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
    std::string by_servers_alone = "b";
    if (!servers.empty()) {
      options.lookups = by_servers_alone.data();
      mask |= ARES_OPT_LOOKUPS;
    }
    const int error = ares_init_options(&channel_, &options, mask);
    if (error != ARES_SUCCESS) {
      channel_ = nullptr;
      return absl::UnavailableError(StrCat("name servers: ", ares_strerror(error)));
    }
    if (!servers.empty() && ares_set_servers_ports_csv(channel_, servers.c_str()) != ARES_SUCCESS) {
      return absl::InvalidArgumentError("expected name servers such as 10.0.0.2,10.0.0.3:5353");
    }
    return absl::OkStatus();
  }

  void Ask(const std::string& host) {
    ares_addrinfo_hints hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_flags = ARES_AI_NOSORT;
    ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, &Channel::OnAnswer, this);
  }

  bool done() const { return done_; }

  // Reads and sends what there is, within the time.
  void Work(absl::Duration time) {
    std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
    const int wanted = ares_getsock(channel_, sockets.data(), ARES_GETSOCK_MAXNUM);
    std::vector<pollfd> polled;
    for (size_t i = 0; i < sockets.size(); ++i) {
      pollfd one{};
      one.fd = sockets[i];
      if (ARES_GETSOCK_READABLE(wanted, i)) one.events |= POLLIN;
      if (ARES_GETSOCK_WRITABLE(wanted, i)) one.events |= POLLOUT;
      if (one.events != 0) polled.push_back(one);
    }
    const int wait_ms = static_cast<int>(absl::ToInt64Milliseconds(time)) + 1;
    poll(polled.data(), polled.size(), wait_ms);
    for (const pollfd& one : polled) {
      const bool reads = (one.revents & (POLLIN | POLLERR | POLLHUP)) != 0;
      const bool writes = (one.revents & POLLOUT) != 0;
      if (reads || writes) {
        ares_process_fd(channel_, reads ? one.fd : ARES_SOCKET_BAD,
                        writes ? one.fd : ARES_SOCKET_BAD);
      }
    }
    // Whatever timed out meanwhile.
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  }

  absl::StatusOr<std::vector<IpAddress>> Taken() {
    if (!found_.empty()) return std::move(found_);
    return absl::UnavailableError(StrCat("resolve: ", ares_strerror(error_)));
  }

 private:
  static void OnAnswer(void* self, int error, int /*timeouts*/, ares_addrinfo* answer) {
    auto* channel = static_cast<Channel*>(self);
    channel->done_ = true;
    channel->error_ = error;
    if (answer == nullptr) return;
    for (const ares_addrinfo_node* node = answer->nodes; node != nullptr; node = node->ai_next) {
      if (channel->found_.size() < kAddressesMax) channel->Add(*node->ai_addr);
    }
    ares_freeaddrinfo(answer);
  }

  void Add(const sockaddr& from) {
    IpAddress address;
    if (from.sa_family == AF_INET) {
      const auto& four = reinterpret_cast<const sockaddr_in&>(from);
      std::memcpy(address.bytes.data(), &four.sin_addr, 4);
    } else if (from.sa_family == AF_INET6) {
      const auto& six = reinterpret_cast<const sockaddr_in6&>(from);
      std::memcpy(address.bytes.data(), &six.sin6_addr, 16);
      address.ipv6 = true;
    } else {
      return;
    }
    if (std::find(found_.begin(), found_.end(), address) == found_.end()) {
      found_.push_back(address);
    }
  }

  ares_channel channel_ = nullptr;
  bool done_ = false;
  int error_ = ARES_ENOTFOUND;
  std::vector<IpAddress> found_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DnsResolver>> DnsResolver::Create(std::string servers,
                                                                 Clock& clock) {
  if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
    return absl::InternalError("c-ares cannot be set up");
  }
  std::unique_ptr<DnsResolver> resolver(new DnsResolver(std::move(servers), clock));
  HEIM_RETURN_IF_ERROR(Channel().Open(resolver->servers_));
  return resolver;
}

DnsResolver::DnsResolver(std::string servers, Clock& clock)
    : servers_(std::move(servers)), clock_(clock) {}

DnsResolver::~DnsResolver() { ares_library_cleanup(); }

absl::StatusOr<std::vector<IpAddress>> DnsResolver::Resolve(const std::string& host,
                                                            absl::Duration deadline) {
  Channel channel;
  HEIM_RETURN_IF_ERROR(channel.Open(servers_));
  channel.Ask(host);
  while (!channel.done()) {
    if (stopped_.load()) return absl::CancelledError("the server stops");
    const absl::Duration left = deadline - clock_.Monotonic();
    if (left <= absl::ZeroDuration()) return absl::DeadlineExceededError("resolve: timed out");
    channel.Work(std::min(left, kSlice));
  }
  return channel.Taken();
}

}  // namespace heim
