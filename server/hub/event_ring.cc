#include "server/hub/event_ring.h"

#include <utility>

#include "server/base/check.h"

namespace heim {

void EventRing::Append(const WorkspaceId& workspace, HubEventPtr event) {
  absl::MutexLock lock(&mutex_);
  std::unique_ptr<Shelf>& slot = shelves_[workspace.str()];
  if (slot == nullptr) slot = std::make_unique<Shelf>();
  Shelf* shelf = slot.get();
  if (shelf->events.empty()) shelf->first = event->facts.position;
  HEIM_CHECK(event->facts.position == shelf->first + shelf->events.size());
  const size_t bytes = event->frame->proto().size();
  shelf->events.push_back(std::move(event));
  shelf->bytes.push_back(bytes);
  order_.push_back(shelf);
  bytes_ += bytes;
  while (order_.size() > limits_.events || (bytes_ > limits_.bytes && order_.size() > 1)) {
    DropOldest();
  }
}

void EventRing::DropOldest() {
  Shelf* shelf = order_.front();
  order_.pop_front();
  bytes_ -= shelf->bytes.front();
  shelf->events.pop_front();
  shelf->bytes.pop_front();
  ++shelf->first;
}

std::optional<std::vector<HubEventPtr>> EventRing::Read(const WorkspaceId& workspace,
                                                        const Page& page) const {
  absl::MutexLock lock(&mutex_);
  const auto found = shelves_.find(workspace.str());
  if (found == shelves_.end()) return std::nullopt;
  const Shelf& shelf = *found->second;
  if (page.after + 1 < shelf.first || page.after >= shelf.first + shelf.events.size()) {
    return std::nullopt;
  }
  std::vector<HubEventPtr> events;
  size_t bytes = 0;
  for (size_t i = page.after + 1 - shelf.first; i < shelf.events.size(); ++i) {
    if (shelf.first + i > page.through || events.size() >= page.max_events) break;
    if (shelf.events[i] == nullptr) break;
    bytes += shelf.bytes[i];
    if (bytes > page.max_bytes && !events.empty()) break;
    events.push_back(shelf.events[i]);
  }
  if (events.empty() && page.after < page.through) return std::nullopt;
  return events;
}

void EventRing::Scrub(const WorkspaceId& workspace, const std::string& message_id,
                      uint64_t position) {
  ScrubWhere(workspace, position,
             [&](const EventFacts& facts) { return facts.message_id == message_id; });
}

void EventRing::ScrubChannel(const WorkspaceId& workspace, const std::string& channel_id,
                             uint64_t position) {
  ScrubWhere(workspace, position,
             [&](const EventFacts& facts) { return facts.channel_id == channel_id; });
}

void EventRing::ScrubWhere(const WorkspaceId& workspace, uint64_t position,
                           absl::FunctionRef<bool(const EventFacts&)> matches) {
  absl::MutexLock lock(&mutex_);
  const auto found = shelves_.find(workspace.str());
  if (found == shelves_.end()) return;
  Shelf& shelf = *found->second;
  for (size_t i = 0; i < shelf.events.size() && shelf.first + i < position; ++i) {
    if (shelf.events[i] == nullptr || !matches(shelf.events[i]->facts)) continue;
    shelf.events[i] = nullptr;
    bytes_ -= shelf.bytes[i];
    shelf.bytes[i] = 0;
  }
}

size_t EventRing::size() const {
  absl::MutexLock lock(&mutex_);
  return order_.size();
}

}  // namespace heim
