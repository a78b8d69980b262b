// GrpcServer is the gRPC front: every service of the method table, health and reflection (v1alpha),
// on a port of its own, on connections handed over by the gateway, or both. Owned by app. Create,
// Shutdown and the destructor are for one thread; Adopt is for any and never blocks. Calls run on
// gRPC's threads and never block there.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/base/timers.h"
#include "server/rpc/grpc/front.h"
#include "server/rpc/invoker.h"

namespace grpc {
class Server;
namespace experimental {
class ExternalConnectionAcceptor;
}
}  // namespace grpc

namespace heim {

class RawService;

class GrpcServer {
 public:
  struct Options {
    std::string listen_address;      // "host:port", port 0: any free one; empty: none
    ClientAddressOf client_address;  // null: the peer's
  };

  // UNAVAILABLE when the address cannot be listened on.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Create(Options options, Invoker& invoker,
                                                            Timers& timers);
  ~GrpcServer();

  // Takes over a connected socket whose first bytes were read to see that it speaks HTTP/2. The
  // descriptor is ours from here on; after Shutdown it is closed at once.
  void Adopt(int fd, std::string read_so_far);

  // The port listened on; 0: none.
  int port() const { return port_; }

  // Takes no more calls, waits until `deadline` for those under way, then cancels them. End event
  // streams before (Hub::Drain), or they take all of that time. Blocks. A second call does nothing.
  void Shutdown(absl::Time deadline);

 private:
  GrpcServer(Options options, Invoker& invoker, Timers& timers);
  absl::Status Start(const std::string& listen_address, Invoker& invoker);

  StreamPump pump_;
  const GrpcFront front_;
  std::vector<std::unique_ptr<RawService>> services_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;

  absl::Mutex mutex_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace heim
