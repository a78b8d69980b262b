#include "server/service/search_progress.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace heim {
namespace {

constexpr size_t kWaitersMax = 1000;

}  // namespace

uint64_t SearchProgress::PositionOf(const WorkspaceId& workspace) const {
  absl::MutexLock lock(&state_->mutex);
  const auto found = state_->positions.find(workspace.str());
  return found == state_->positions.end() ? 0 : found->second;
}

void SearchProgress::Reached(const WorkspaceId& workspace, uint64_t position) {
  std::vector<Waiter> served;
  {
    absl::MutexLock lock(&state_->mutex);
    state_->positions[workspace.str()] = position;
    auto& waiters = state_->waiters;
    const auto first =
        std::stable_partition(waiters.begin(), waiters.end(), [&](const Waiter& waiter) {
          return waiter.workspace != workspace.str() || waiter.position > position;
        });
    std::move(first, waiters.end(), std::back_inserter(served));
    waiters.erase(first, waiters.end());
  }
  for (Waiter& waiter : served) {
    if (waiter.timer != 0) timers_.Cancel(waiter.timer);
    waiter.then();
  }
}

void SearchProgress::WhenReached(const WorkspaceId& workspace, uint64_t position,
                                 absl::Duration at_most, absl::AnyInvocable<void()> then) {
  uint64_t id = 0;
  {
    absl::MutexLock lock(&state_->mutex);
    const auto found = state_->positions.find(workspace.str());
    const bool reached = found != state_->positions.end() && found->second >= position;
    if (position != 0 && !reached && state_->waiters.size() < kWaitersMax) {
      id = ++state_->last_id;
      state_->waiters.push_back({id, workspace.str(), position, 0, std::move(then)});
    }
  }
  if (id == 0) return then();
  const Timers::Id timer = timers_.After(at_most, [state = state_, id] { Expire(*state, id); });
  {
    absl::MutexLock lock(&state_->mutex);
    for (Waiter& waiter : state_->waiters) {
      if (waiter.id != id) continue;
      waiter.timer = timer;
      return;
    }
  }
  timers_.Cancel(timer);  // it was served meanwhile
}

void SearchProgress::Expire(State& state, uint64_t id) {
  absl::AnyInvocable<void()> then;
  {
    absl::MutexLock lock(&state.mutex);
    const auto found = std::find_if(state.waiters.begin(), state.waiters.end(),
                                    [id](const Waiter& waiter) { return waiter.id == id; });
    if (found == state.waiters.end()) return;
    then = std::move(found->then);
    state.waiters.erase(found);
  }
  then();
}

}  // namespace heim
