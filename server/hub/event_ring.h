// EventRing keeps the newest released events of all workspaces in memory, each with its frame, made
// once. Readers that are a little behind take them from here instead of the log. Owned by the hub.
// Thread-safe. Never blocks.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "server/hub/event_facts.h"
#include "server/model/ids.h"
#include "server/model/stream_call.h"

namespace heim {

struct HubEvent {
  EventFacts facts;
  FramePtr frame;
};
using HubEventPtr = std::shared_ptr<const HubEvent>;

class EventRing {
 public:
  struct Limits {
    size_t events;
    size_t bytes;
  };

  explicit EventRing(Limits limits) : limits_(limits) {}

  // The next event of the workspace, in position order without gaps.
  void Append(const WorkspaceId& workspace, HubEventPtr event);

  struct Page {
    uint64_t after = 0;
    uint64_t through = 0;  // last position wanted
    size_t max_events = 0;
    size_t max_bytes = 0;
  };
  // Events after page.after, gapless; nullopt when the first of them is not here (any more).
  std::optional<std::vector<HubEventPtr>> Read(const WorkspaceId& workspace,
                                               const Page& page) const;

  // Lets go of the message's events before `position`: the log holds the tombstone in their place.
  void Scrub(const WorkspaceId& workspace, const std::string& message_id, uint64_t position);

  // The same for all events of a channel that was purged.
  void ScrubChannel(const WorkspaceId& workspace, const std::string& channel_id, uint64_t position);

  size_t size() const;

 private:
  struct Shelf {
    uint64_t first = 0;              // position of events.front()
    std::deque<HubEventPtr> events;  // null: scrubbed
    std::deque<size_t> bytes;
  };

  void ScrubWhere(const WorkspaceId& workspace, uint64_t position,
                  absl::FunctionRef<bool(const EventFacts&)> matches);
  void DropOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Limits limits_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::unique_ptr<Shelf>> shelves_ ABSL_GUARDED_BY(mutex_);
  // One entry for each event kept, oldest first.
  std::deque<Shelf*> order_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace heim
