// PresenceTable keeps who is there, in memory, for this node. Changes go out through the bus as
// presence.changed, to every workspace where the actor was seen. Owned by app; outlived by its
// dependencies. Thread-safe. Never blocks.
//
// What is shown: offline when the actor has no connection and no lease, or hides; else what was
// set by hand (away, dnd), else online. A choice made by hand without a connection shows for the
// lease of 120 s; it stays made and shows again with the next connection.
//
// With a store, who is connected is kept there: after a restart they count as there until they have
// had the time to come again, and choices by hand hold on.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "server/base/clock.h"
#include "server/base/timers.h"
#include "server/bus/bus.h"
#include "server/hub/gate.h"
#include "server/hub/presence.h"
#include "server/store/store.h"

namespace heim {

class PresenceTable final : public PresenceBook {
 public:
  PresenceTable(Clock& clock, Timers& timers, Bus& bus);
  ~PresenceTable() override;

  // Takes up what the store kept, and keeps it there from now on. Once, before the first
  // connection; the store outlives the table's use. Blocks on a read.
  absl::Status Recover(Store& store);

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
    std::set<std::string> kept;  // workspaces in which the store knows it as connected
  };
  struct Outgoing {
    std::vector<WorkspaceId> workspaces;
    std::shared_ptr<const v1::Event> event;
  };

  v1::Presence Shown(const Entry& entry) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Notes what is shown now and, when that is news, who has to hear it.
  Outgoing Refresh(const std::string& actor, Entry* entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Publish(const Outgoing& outgoing) ABSL_LOCKS_EXCLUDED(mutex_);
  void KeepConnected(const WorkspaceId& workspace, const ActorId& actor)
      ABSL_LOCKS_EXCLUDED(mutex_);
  void KeepGone(const ActorId& actor) ABSL_LOCKS_EXCLUDED(mutex_);
  void LookAgainAfter(absl::Duration delay, const std::string& actor) ABSL_LOCKS_EXCLUDED(mutex_);

  Clock& clock_;
  Timers& timers_;
  Bus& bus_;
  Store* store_ = nullptr;
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();

  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Entry> actors_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heim
