// Bus connects the nodes of one installation. It carries wake-ups (a workspace's log has grown to a
// position) and ephemeral events whole. Wake-ups are hints: a lost one costs latency, never events,
// because every reader reads the log by position. Owned by app. Thread-safe. Publishing never
// blocks.
#pragma once

#include <cstdint>
#include <memory>

#include "heim/v1/event.pb.h"
#include "server/model/ids.h"

namespace heim {

// BusHandler hears what nodes publish, the own node included. Called from any thread; must not
// block.
class BusHandler {
 public:
  virtual ~BusHandler() = default;

  // The log of the workspace reaches at least this position.
  virtual void OnWakeUp(const WorkspaceId& workspace, uint64_t position) = 0;

  virtual void OnEphemeral(const WorkspaceId& workspace,
                           std::shared_ptr<const v1::Event> event) = 0;
};

class Bus {
 public:
  virtual ~Bus() = default;

  // Set by the hub at start-up, and to nullptr before it goes. No call of the old handler is under
  // way once this returns, so it must not be called from a handler.
  virtual void SetHandler(BusHandler* handler) = 0;

  virtual void PublishWakeUp(const WorkspaceId& workspace, uint64_t position) = 0;

  // Reaches the own node before it returns, so that what one thread publishes stays in order there.
  // Dropped under load on the way to other nodes.
  virtual void PublishEphemeral(const WorkspaceId& workspace,
                                std::shared_ptr<const v1::Event> event) = 0;
};

}  // namespace heim
