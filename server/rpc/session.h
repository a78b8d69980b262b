// SessionService answers EventService.Session, which is the WebSocket's protocol: commands in,
// replies and events out. A command is the request of a method, found by its type and run by the
// Invoker like any call. Owned by app; outlives its sessions. Thread-safe. Session blocks on a read
// of the store, so it runs on the Executor, as a handler.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/executor.h"
#include "server/base/ids.h"
#include "server/hub/hub.h"
#include "server/model/caller.h"
#include "server/model/ids.h"
#include "server/model/stream_call.h"
#include "server/rpc/call_limits.h"
#include "server/rpc/invoker.h"
#include "server/rpc/struct_codec.h"
#include "server/service/call.h"

namespace heim {

class SessionService {
 public:
  // Whether the caller may read these channels; may block. CHANNEL_NOT_FOUND.
  using CheckChannels = std::function<absl::Status(const Caller&, const std::vector<ChannelId>&)>;

  struct Dependencies {
    Invoker& invoker;
    Hub& hub;
    Executor& executor;
    CallLimits& limits;
    Ids& ids;
    const StructCodec& codec;
    CheckChannels check_channels;
  };

  explicit SessionService(Dependencies dependencies) : deps_(std::move(dependencies)) {}

  // WORKSPACE_NOT_FOUND when the caller is in none. A credential without messages:read hears
  // nothing but can send.
  absl::StatusOr<std::shared_ptr<StreamCall>> Session(std::shared_ptr<CallContext> context);

 private:
  const Dependencies deps_;
};

}  // namespace heim
