#include "server/hub/outbox.h"

#include <algorithm>
#include <utility>

namespace heim {

Outbox::Outbox(Clock& clock, Limits limits, std::function<void()> on_drained)
    : clock_(clock),
      limits_(limits),
      on_drained_(std::move(on_drained)),
      last_push_(clock.Monotonic()),
      seen_(clock.Monotonic()) {}

void Outbox::Put(FramePtr frame, Item item) {
  if (closed_ || cancelled_) return;
  bytes_ += frame->proto().size();
  slots_.push_back({std::move(frame), item});
  last_push_ = clock_.Monotonic();
}

bool Outbox::HalfFree() const {
  return slots_.size() <= limits_.frames / 2 && bytes_ <= limits_.bytes / 2;
}

bool Outbox::PushDurable(absl::Span<const FramePtr> frames) {
  size_t bytes = 0;
  for (const FramePtr& frame : frames) bytes += frame->proto().size();
  absl::MutexLock lock(&mutex_);
  if (closed_ || cancelled_) return true;
  if (slots_.size() + frames.size() > limits_.frames || bytes_ + bytes > limits_.bytes) {
    return false;
  }
  for (const FramePtr& frame : frames) Put(frame, Item::kDurable);
  return true;
}

bool Outbox::PushEphemeral(FramePtr frame) {
  absl::MutexLock lock(&mutex_);
  if (!HalfFree()) return false;
  Put(std::move(frame), Item::kEphemeral);
  return true;
}

void Outbox::PushAnyway(FramePtr frame, Item item) {
  absl::MutexLock lock(&mutex_);
  Put(std::move(frame), item);
}

void Outbox::PushCursor(FramePtr frame) {
  absl::MutexLock lock(&mutex_);
  if (!slots_.empty() && slots_.back().item == Item::kCursor) {
    bytes_ -= slots_.back().frame->proto().size();
    slots_.pop_back();
  }
  Put(std::move(frame), Item::kCursor);
}

Outbox::Thrown Outbox::ThrowAway() {
  Thrown thrown;
  std::deque<Slot> kept;
  absl::MutexLock lock(&mutex_);
  bytes_ = 0;
  for (Slot& slot : slots_) {
    if (slot.item == Item::kDurable && !thrown.first.has_value()) {
      thrown.first = slot.frame->position();
    }
    thrown.caught_up |= slot.item == Item::kCaughtUp;
    if (slot.item != Item::kSticky) continue;
    bytes_ += slot.frame->proto().size();
    kept.push_back(std::move(slot));
  }
  slots_.swap(kept);
  return thrown;
}

bool Outbox::RoomOrArm() {
  absl::MutexLock lock(&mutex_);
  if (HalfFree()) return true;
  armed_ = true;
  return false;
}

bool Outbox::IdleOrArm() {
  absl::MutexLock lock(&mutex_);
  if (idle_) return true;
  armed_ = true;
  return false;
}

void Outbox::Wake() { CallReady(false); }

void Outbox::Close(FramePtr last, absl::Status status) {
  {
    absl::MutexLock lock(&mutex_);
    if (closed_) return;
    if (last != nullptr) Put(std::move(last), Item::kSticky);
    closed_ = true;
    armed_ = false;
    status_ = std::move(status);
  }
  CallReady(true);
}

void Outbox::CallReady(bool even_when_busy) {
  absl::MutexLock lock(&mutex_);
  if (cancelled_ || on_ready_ == nullptr || !(idle_ || even_when_busy)) return;
  if (slots_.empty() && !closed_) return;
  // An idle reader has been well until now.
  if (std::exchange(idle_, false)) seen_ = clock_.Monotonic();
  const std::thread::id self = std::this_thread::get_id();
  wakers_.push_back(self);
  // Never changes once it is set, and this object outlives the call.
  const std::function<void()>& on_ready = on_ready_;
  mutex_.Unlock();
  on_ready();
  mutex_.Lock();
  wakers_.erase(std::find(wakers_.begin(), wakers_.end(), self));
  if (!cancelled_ || !wakers_.empty()) return;
  // What it holds, often the front, dies with no lock held.
  std::function<void()> dropped;
  dropped.swap(on_ready_);
  mutex_.Unlock();
  dropped = nullptr;
  mutex_.Lock();
}

bool Outbox::closed() const {
  absl::MutexLock lock(&mutex_);
  return closed_ || cancelled_;
}

absl::Duration Outbox::last_push() const {
  absl::MutexLock lock(&mutex_);
  return last_push_;
}

absl::Duration Outbox::StuckFor() const {
  absl::MutexLock lock(&mutex_);
  if (idle_ || closed_ || (!armed_ && slots_.empty())) return absl::ZeroDuration();
  return clock_.Monotonic() - seen_;
}

FrameSource::State Outbox::Pull(size_t max_bytes, std::vector<FramePtr>* out) {
  bool drained = false;
  FrameSource::State state = FrameSource::State::kMore;
  {
    absl::MutexLock lock(&mutex_);
    seen_ = clock_.Monotonic();
    idle_ = false;
    size_t taken = 0;
    while (!slots_.empty()) {
      const size_t bytes = slots_.front().frame->proto().size();
      if (taken > 0 && taken + bytes > max_bytes) break;
      taken += bytes;
      bytes_ -= bytes;
      out->push_back(std::move(slots_.front().frame));
      slots_.pop_front();
      if (taken >= max_bytes) break;
    }
    if (armed_ && HalfFree()) {
      armed_ = false;
      drained = true;
    }
    if (slots_.empty()) {
      if (closed_) {
        state = FrameSource::State::kEnded;
      } else {
        state = FrameSource::State::kIdle;
        idle_ = true;
      }
    }
  }
  if (drained && on_drained_ != nullptr) on_drained_();
  return state;
}

absl::Status Outbox::status() const {
  absl::MutexLock lock(&mutex_);
  return status_;
}

void Outbox::SetReady(std::function<void()> on_ready) {
  absl::MutexLock lock(&mutex_);
  on_ready_ = std::move(on_ready);
}

void Outbox::Cancel() {
  std::function<void()> dropped;  // destroyed with no lock held
  absl::MutexLock lock(&mutex_);
  cancelled_ = true;
  slots_.clear();
  bytes_ = 0;
  // Other threads evaluate the condition, so it must not ask for its own thread.
  const std::thread::id self = std::this_thread::get_id();
  const auto none_else = [this, self]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return std::all_of(wakers_.begin(), wakers_.end(),
                       [&](const std::thread::id& waker) { return waker == self; });
  };
  mutex_.Await(absl::Condition(&none_else));
  if (wakers_.empty()) dropped.swap(on_ready_);
}

}  // namespace heim
