// Frames about a stream itself. Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "heim/v1/actor.pb.h"
#include "server/model/ids.h"
#include "server/model/stream_call.h"

namespace heim {

struct HelloOptions {
  std::string session_id;
  v1::ActorRef actor;
  WorkspaceId workspace;
  bool resumed = false;
};

FramePtr HelloFrame(const HelloOptions& options, const std::string& cursor);
FramePtr HeartbeatFrame(const std::string& cursor);
FramePtr ResetFrame(const std::string& reason, const std::string& cursor);
FramePtr CaughtUpFrame(const std::string& cursor);
FramePtr LaggingFrame(uint64_t events_behind);
// reconnect_after_ms < 0: connecting again is of no use.
FramePtr GoodbyeFrame(std::string_view reason, int reconnect_after_ms);

}  // namespace heim
