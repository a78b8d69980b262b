// ChannelBreaker bounds how fast messages come into one channel, whoever sends them, so that a
// runaway sender cannot flood a room. Given with the call by the Invoker. Thread-safe; never
// blocks, so it may be asked on the writer's thread.
#pragma once

#include "absl/status/status.h"
#include "server/model/caller.h"
#include "server/model/ids.h"

namespace heim {

class ChannelBreaker {
 public:
  virtual ~ChannelBreaker() = default;

  // Counts a message of the caller, who may write there. RATE_LIMITED with the time to wait.
  virtual absl::Status TakeForChannel(const ChannelId& channel, const Caller& caller) = 0;
};

}  // namespace heim
