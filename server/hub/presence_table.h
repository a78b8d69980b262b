// PresenceTable keeps who is there, in memory, for this node. Changes go out through the bus as
// presence.changed, to every workspace where the actor was seen. Owned by app; outlived by its
// dependencies. Thread-safe. Never blocks.
//
// What is shown: offline when the actor has no connection and no lease, or hides; else what was
// set by hand (away, dnd), else online. A choice made by hand without a connection shows for the
// lease of 120 s; it stays made and shows again with the next connection.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "server/base/clock.h"
#include "server/base/timers.h"
#include "server/bus/bus.h"
#include "server/hub/gate.h"
#include "server/hub/presence.h"

namespace heim {

class PresenceTable final : public PresenceBook {
 public:
  PresenceTable(Clock& clock, Timers& timers, Bus& bus);
  ~PresenceTable() override;

  void Connected(const WorkspaceId& workspace, const ActorId& actor) override;
  void Disconnected(const WorkspaceId& workspace, const ActorId& actor) override;
  v1::ActorPresence Set(const WorkspaceId& workspace, const ActorId& actor, v1::Presence presence,
                        std::optional<std::string> status) override;
  v1::ActorPresence Get(const ActorId& actor,
                        const std::optional<std::string>& stored_status) const override;

 private:
  struct Entry {
    int connections = 0;
    std::set<std::string> workspaces;
    v1::Presence by_hand = v1::PRESENCE_UNSPECIFIED;  // away, dnd or offline; else unset
    std::optional<std::string> status;                // once the book knows it
    absl::Duration there_until;                       // monotonic: grace or lease
    v1::Presence shown = v1::PRESENCE_OFFLINE;        // as told last
    std::optional<std::string> shown_status;
  };
  struct Outgoing {
    std::vector<WorkspaceId> workspaces;
    std::shared_ptr<const v1::Event> event;
  };

  v1::Presence Shown(const Entry& entry) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Notes what is shown now and, when that is news, who has to hear it.
  Outgoing Refresh(const std::string& actor, Entry* entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Publish(const Outgoing& outgoing) ABSL_LOCKS_EXCLUDED(mutex_);
  void LookAgainAfter(absl::Duration delay, const std::string& actor) ABSL_LOCKS_EXCLUDED(mutex_);

  Clock& clock_;
  Timers& timers_;
  Bus& bus_;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();

  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Entry> actors_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
