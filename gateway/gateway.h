// Gateway is the JSON front: REST, WebSocket, SSE and Connect from descriptors alone, on one
// listening socket that it shares with gRPC (a connection that begins with the HTTP/2 preface is
// handed over with what was read of it). Owned by app. Its handlers run on its own I/O threads and
// never block. Create and Shutdown are for app's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/rpc/invoker.h"

namespace heim {

struct GatewayOptions {
  std::string host = "0.0.0.0";
  uint16_t port = 3000;                      // 0: any free one
  std::vector<std::string> cors_origins;     // empty: same origin only; "*" never covers cookies
  std::vector<std::string> trusted_proxies;  // addresses or CIDR blocks whose X-Forwarded-* count
  bool websocket_query_token = true;         // `?token=` on WebSocket upgrades
  bool tls_in_front = false;                 // public URL is https: cookies are Secure
  int64_t file_max_bytes = 100'000'000;
  std::string version;
  int io_threads = 1;

  // Takes an HTTP/2 connection: the descriptor is the callee's, with the bytes already read. Null:
  // such connections are refused.
  std::function<void(int fd, std::string read_so_far)> adopt_http2;

  // JSON text of GET /health, text of GET /metrics, and whether GET /readyz says yes. Must not
  // block for long.
  std::function<std::string()> health;
  std::function<std::string()> metrics;
  std::function<bool()> ready;
};

class Gateway {
 public:
  virtual ~Gateway() = default;

  // Listens and serves. Fails when the address is in use, or on ambiguous routes.
  static absl::StatusOr<std::unique_ptr<Gateway>> Create(GatewayOptions options, Invoker& invoker,
                                                         Clock& clock);

  // The port listened on.
  virtual uint16_t port() const = 0;

  // Open connections (HTTP and WebSocket).
  virtual size_t connection_count() const = 0;

  // Closes the listener; open connections go on.
  virtual void StopAccepting() = 0;

  // Waits until `deadline` for requests under way, closes WebSockets with 1001, then everything.
  // Blocks.
  virtual void Shutdown(absl::Time deadline) = 0;
};

}  // namespace heim
