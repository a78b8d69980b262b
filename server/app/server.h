// Server is the whole of Heim in one object: it builds every room in order and tears them down in
// reverse; rooms.h is their list. Owned by main (or a test). Create, Stop and the
// destructor block; they are for one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/app/config.h"

namespace heim {

class Server {
 public:
  // Opens the data, takes up running streams, listens and serves. One clear line says what is wrong
  // when it cannot.
  static absl::StatusOr<std::unique_ptr<Server>> Create(const Config& config);
  ~Server();

  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Port of HTTP, WebSocket and gRPC.
  uint16_t port() const;
  // Port of the gRPC listener of its own; 0 when there is none.
  uint16_t grpc_port() const;
  // Token of the set-up link; empty once the first account exists.
  std::string setup_token() const;

  // Drains: new calls are refused, streams are told to come again, what is under way is finished
  // until the deadline.
  void Stop(absl::Duration grace);

 private:
  struct Rooms;
  explicit Server(std::unique_ptr<Rooms> rooms);

  std::unique_ptr<Rooms> rooms_;
};

// Version of this build.
std::string_view HeimVersion();

}  // namespace heim
