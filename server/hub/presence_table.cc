#include "server/hub/presence_table.h"

#include <algorithm>
#include <utility>

#include "server/base/status_macros.h"
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

absl::Status PresenceTable::Recover(Store& store) {
  std::vector<std::pair<ActorId, v1::Presence>> choices;
  std::vector<std::pair<ActorId, WorkspaceId>> connected;
  HEIM_RETURN_IF_ERROR(store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(choices, tx.presence.Choices());
    HEIM_ASSIGN_OR_RETURN(connected, tx.presence.Connected());
    return absl::OkStatus();
  }));
  store_ = &store;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [actor, presence] : choices) actors_[actor.str()].by_hand = presence;
    for (const auto& [actor, workspace] : connected) {
      Entry& entry = actors_[actor.str()];
      entry.workspaces.insert(workspace.str());
      entry.kept.insert(workspace.str());
      entry.there_until = clock_.Monotonic() + kOfflineGrace;
      entry.shown = Shown(entry);
    }
  }
  for (const auto& [actor, workspace] : connected) LookAgainAfter(kOfflineGrace, actor.str());
  return absl::OkStatus();
}

void PresenceTable::KeepConnected(const WorkspaceId& workspace, const ActorId& actor) {
  Draft draft;
  draft.apply = [workspace, actor](WriteTx& tx) {
    return tx.presence.SetConnected(workspace, actor);
  };
  // What is lost here shows somebody as gone a little early after a restart, no more.
  store_->Commit(std::move(draft), [](const absl::StatusOr<Committed>&) {});
}

void PresenceTable::KeepGone(const ActorId& actor) {
  Draft draft;
  draft.apply = [actor](WriteTx& tx) { return tx.presence.SetGone(actor); };
  store_->Commit(std::move(draft), [](const absl::StatusOr<Committed>&) {});
}

void PresenceTable::LookAgainAfter(absl::Duration delay, const std::string& actor) {
  timers_.After(delay, Gate::Guard(gate_, [this, actor] {
                  Outgoing outgoing;
                  bool was_kept = false;
                  {
                    absl::MutexLock lock(&mutex_);
                    const auto found = actors_.find(actor);
                    if (found == actors_.end()) return;
                    Entry& entry = found->second;
                    outgoing = Refresh(actor, &entry);
                    const bool gone =
                        entry.connections == 0 && clock_.Monotonic() >= entry.there_until;
                    if (gone) was_kept = !std::exchange(entry.kept, {}).empty();
                    // The actor's row knows the status; nothing else is worth keeping.
                    if (gone && entry.by_hand == v1::PRESENCE_UNSPECIFIED) actors_.erase(found);
                  }
                  if (was_kept) KeepGone(ActorId(actor));
                  Publish(outgoing);
                }));
}

void PresenceTable::Connected(const WorkspaceId& workspace, const ActorId& actor) {
  Outgoing outgoing;
  bool is_news = false;
  {
    absl::MutexLock lock(&mutex_);
    Entry& entry = actors_[actor.str()];
    ++entry.connections;
    entry.workspaces.insert(workspace.str());
    is_news = store_ != nullptr && entry.kept.insert(workspace.str()).second;
    outgoing = Refresh(actor.str(), &entry);
  }
  if (is_news) KeepConnected(workspace, actor);
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
