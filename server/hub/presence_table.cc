#include "server/hub/presence_table.h"

#include <algorithm>
#include <utility>

#include "server/hub/hub_limits.h"
#include "server/model/time.h"

namespace heim {

PresenceTable::PresenceTable(Clock& clock, Timers& timers, Bus& bus)
    : clock_(clock), timers_(timers), bus_(bus) {}

PresenceTable::~PresenceTable() { gate_->Close(); }

v1::Presence PresenceTable::Shown(const Entry& entry) const {
  const bool there = entry.connections > 0 || clock_.Monotonic() < entry.there_until;
  if (!there) return v1::PRESENCE_OFFLINE;
  return entry.by_hand == v1::PRESENCE_UNSPECIFIED ? v1::PRESENCE_ONLINE : entry.by_hand;
}

PresenceTable::Outgoing PresenceTable::Refresh(const std::string& actor, Entry* entry) {
  Outgoing outgoing;
  const v1::Presence shown = Shown(*entry);
  if (shown == entry->shown && entry->status == entry->shown_status) return outgoing;
  entry->shown = shown;
  entry->shown_status = entry->status;
  auto event = std::make_shared<v1::Event>();
  *event->mutable_timestamp() = ToTimestamp(clock_.Now());
  event->set_actor_id(actor);
  v1::PresenceChanged* changed = event->mutable_presence_changed();
  changed->set_actor_id(actor);
  changed->set_presence(shown);
  if (!entry->status.value_or("").empty()) changed->set_status(*entry->status);
  outgoing.event = std::move(event);
  for (const std::string& workspace : entry->workspaces) {
    outgoing.workspaces.emplace_back(workspace);
  }
  return outgoing;
}

void PresenceTable::Publish(const Outgoing& outgoing) {
  for (const WorkspaceId& workspace : outgoing.workspaces) {
    bus_.PublishEphemeral(workspace, outgoing.event);
  }
}

void PresenceTable::LookAgainAfter(absl::Duration delay, const std::string& actor) {
  timers_.After(delay, Gate::Guard(gate_, [this, actor] {
                  Outgoing outgoing;
                  {
                    absl::MutexLock lock(&mutex_);
                    const auto found = actors_.find(actor);
                    if (found == actors_.end()) return;
                    Entry& entry = found->second;
                    outgoing = Refresh(actor, &entry);
                    const bool gone = entry.connections == 0 &&
                                      clock_.Monotonic() >= entry.there_until &&
                                      entry.by_hand == v1::PRESENCE_UNSPECIFIED;
                    // The actor's row knows the status; nothing else is worth keeping.
                    if (gone) actors_.erase(found);
                  }
                  Publish(outgoing);
                }));
}

void PresenceTable::Connected(const WorkspaceId& workspace, const ActorId& actor) {
  Outgoing outgoing;
  {
    absl::MutexLock lock(&mutex_);
    Entry& entry = actors_[actor.str()];
    ++entry.connections;
    entry.workspaces.insert(workspace.str());
    outgoing = Refresh(actor.str(), &entry);
  }
  Publish(outgoing);
}

void PresenceTable::Disconnected(const WorkspaceId& workspace, const ActorId& actor) {
  {
    absl::MutexLock lock(&mutex_);
    const auto found = actors_.find(actor.str());
    if (found == actors_.end() || found->second.connections == 0) return;
    Entry& entry = found->second;
    entry.workspaces.insert(workspace.str());
    if (--entry.connections > 0) return;
    entry.there_until = std::max(entry.there_until, clock_.Monotonic() + kOfflineGrace);
  }
  LookAgainAfter(kOfflineGrace, actor.str());
}

v1::ActorPresence PresenceTable::Set(const WorkspaceId& workspace, const ActorId& actor,
                                     v1::Presence presence, std::optional<std::string> status) {
  Outgoing outgoing;
  v1::ActorPresence answer;
  bool leased = false;
  {
    absl::MutexLock lock(&mutex_);
    Entry& entry = actors_[actor.str()];
    entry.workspaces.insert(workspace.str());
    if (presence != v1::PRESENCE_UNSPECIFIED) {
      const bool follows = presence == v1::PRESENCE_ONLINE;
      entry.by_hand = follows ? v1::PRESENCE_UNSPECIFIED : presence;
      leased = entry.connections == 0;
      if (leased) entry.there_until = clock_.Monotonic() + kPresenceLeaseByCall;
    }
    if (status.has_value()) entry.status = std::move(status);
    outgoing = Refresh(actor.str(), &entry);
    answer.set_actor_id(actor.str());
    answer.set_presence(entry.shown);
    if (!entry.status.value_or("").empty()) answer.set_status(*entry.status);
  }
  Publish(outgoing);
  if (leased) LookAgainAfter(kPresenceLeaseByCall, actor.str());
  return answer;
}

v1::ActorPresence PresenceTable::Get(const ActorId& actor,
                                     const std::optional<std::string>& stored_status) const {
  v1::ActorPresence presence;
  presence.set_actor_id(actor.str());
  presence.set_presence(v1::PRESENCE_OFFLINE);
  absl::MutexLock lock(&mutex_);
  const auto found = actors_.find(actor.str());
  std::optional<std::string> status = stored_status;
  if (found != actors_.end()) {
    presence.set_presence(Shown(found->second));
    if (found->second.status.has_value()) status = found->second.status;
  }
  if (!status.value_or("").empty()) presence.set_status(*status);
  return presence;
}

}  // namespace heim
