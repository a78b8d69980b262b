// The part of FanOutHub that puts committed events into position order and fills gaps from the log.
#include <algorithm>
#include <utility>

#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/hub/fan_out_hub.h"
#include "server/hub/hub_limits.h"
#include "server/model/page.h"

namespace heim {

void FanOutHub::SetHead(const WorkspaceId& workspace, const LogHead& head) {
  Fan& fan = FanOf(workspace);
  if (!fan.epoch.empty()) return;
  fan.epoch = head.epoch;
  fan.released = head.position;
  fan.pending.erase(fan.pending.begin(), fan.pending.upper_bound(head.position));
  ReleaseReady(&fan);
  FillGap(&fan);
}

void FanOutHub::AddPending(Fan* fan, CommittedPtr event) {
  if (!fan->epoch.empty() && event->position <= fan->released) return;
  if (fan->pending.size() >= kPendingMaxEvents) {
    fan->announced = std::max(fan->announced, event->position);
    return;
  }
  fan->pending.emplace(event->position, std::move(event));
}

void FanOutHub::TakeCommits(const std::vector<CommittedPtr>& events) {
  std::vector<Fan*> changed;
  for (const CommittedPtr& event : events) {
    // Nobody has ever listened there.
    Fan* fan = FindFan(event->workspace_id);
    if (fan == nullptr) continue;
    AddPending(fan, event);
    if (std::find(changed.begin(), changed.end(), fan) == changed.end()) changed.push_back(fan);
  }
  for (Fan* fan : changed) {
    ReleaseReady(fan);
    FillGap(fan);
  }
}

void FanOutHub::TakeAnnounced(const absl::flat_hash_map<std::string, uint64_t>& announced) {
  for (const auto& [workspace, position] : announced) {
    Fan* fan = FindFan(WorkspaceId(workspace));
    if (fan == nullptr) continue;
    fan->announced = std::max(fan->announced, position);
    FillGap(fan);
  }
}

void FanOutHub::ReleaseReady(Fan* fan) {
  if (fan->epoch.empty()) return;
  std::vector<HubEventPtr> events;
  while (!fan->pending.empty() && fan->pending.begin()->first == fan->released + 1) {
    const CommittedPtr committed = std::move(fan->pending.begin()->second);
    fan->pending.erase(fan->pending.begin());
    ++fan->released;
    auto event = std::make_shared<HubEvent>();
    event->facts = FactsOf(*committed->event);
    event->facts.position = committed->position;
    event->frame = MakeEventFrameFromBytes(
        committed->bytes, LogCursor{fan->epoch, committed->position}.Format(), committed->position);
    if (event->facts.erases) {
      ring_.Scrub(fan->workspace, event->facts.message_id, committed->position);
    }
    if (event->facts.kind == EventFacts::Kind::kChannelDeleted) {
      ring_.ScrubChannel(fan->workspace, event->facts.channel_id, committed->position);
    }
    ring_.Append(fan->workspace, event);
    events.push_back(std::move(event));
  }
  if (events.empty()) return;
  fan->cursor = nullptr;
  Deliver(fan, events);
}

void FanOutHub::FillGap(Fan* fan) {
  if (fan->epoch.empty() || fan->filling) return;
  if (fan->pending.empty() && fan->announced <= fan->released) return;
  fan->filling = true;
  const WorkspaceId workspace = fan->workspace;
  const uint64_t after = fan->released;
  if (!PostTask([this, workspace, after] { ReadGap(workspace, after); })) {
    PostAfter(kRetryDelay, [this, workspace] { TakeGap(workspace, {}, true); });
  }
}

void FanOutHub::ReadGap(const WorkspaceId& workspace, uint64_t after) {
  std::vector<CommittedPtr> events;
  const absl::Status status = deps_.store.Read([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(std::vector<LogEntry> entries,
                          tx.log.Read(workspace, after, kGapPageEvents, kGapPageBytes));
    for (LogEntry& entry : entries) {
      auto parsed = std::make_shared<v1::Event>();
      // A payload of a newer node still parses: its field is unknown here.
      if (!parsed->ParseFromString(entry.bytes)) {
        LogError("An event of the log does not parse", {{"position", entry.position}});
      }
      auto event = std::make_shared<CommittedEvent>();
      event->workspace_id = workspace;
      event->position = entry.position;
      event->bytes = std::move(entry.bytes);
      event->event = std::move(parsed);
      events.push_back(std::move(event));
    }
    return absl::OkStatus();
  });
  if (!status.ok()) LogWarn("A gap could not be read from the log", {{"status", status}});
  const bool failed = !status.ok() || events.empty();
  if (!failed) {
    Post([this, workspace, events = std::move(events)]() mutable {
      TakeGap(workspace, std::move(events), false);
    });
    return;
  }
  // What is announced may not be visible to this node's reads yet.
  PostAfter(kRetryDelay, [this, workspace] { TakeGap(workspace, {}, true); });
}

void FanOutHub::TakeGap(const WorkspaceId& workspace, std::vector<CommittedPtr> events,
                        bool failed) {
  Fan& fan = FanOf(workspace);
  fan.filling = false;
  for (CommittedPtr& event : events) {
    if (event->position <= fan.released) continue;
    // Not AddPending: what fills the gap must get in, whatever waits behind it.
    fan.pending.emplace(event->position, std::move(event));
  }
  if (!failed) ReleaseReady(&fan);
  FillGap(&fan);
}

}  // namespace heim
