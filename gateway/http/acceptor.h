// Acceptor takes connections from one listening socket and has each served by a coroutine of its
// own. Owned by the gateway. Open and Start are for app's thread, Stop for any; nothing blocks.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gateway/http/front.h"
#include "gateway/http/net.h"

namespace heim {

class Acceptor {
 public:
  // FAILED_PRECONDITION with one clear line when the address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<Acceptor>> Open(Front& front);

  uint16_t port() const { return port_; }
  void Start();
  // Closes the listening socket.
  void Stop();

 private:
  Acceptor(Front& front, Tcp::acceptor acceptor);
  Task<void> Run();
  bool MayConnect(const std::string& address) const;
  void Serve(Tcp::socket socket);

  Front& front_;
  Tcp::acceptor acceptor_;
  uint16_t port_;
  std::atomic<bool> stopped_{false};
};

}  // namespace heim
