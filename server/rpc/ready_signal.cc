#include "server/rpc/ready_signal.h"

#include <algorithm>
#include <utility>

namespace heim {

void ReadySignal::Set(std::function<void()> on_ready) {
  absl::MutexLock lock(&mutex_);
  on_ready_ = std::move(on_ready);
}

void ReadySignal::Notify() {
  std::function<void()> on_ready;
  {
    absl::MutexLock lock(&mutex_);
    if (cancelled_ || on_ready_ == nullptr) return;
    on_ready = on_ready_;
    running_.push_back(std::this_thread::get_id());
  }
  on_ready();
  on_ready = nullptr;  // what it holds dies before Cancel goes on
  absl::MutexLock lock(&mutex_);
  running_.erase(std::find(running_.begin(), running_.end(), std::this_thread::get_id()));
}

void ReadySignal::Cancel() {
  std::function<void()> dropped;  // destroyed with no lock held
  absl::MutexLock lock(&mutex_);
  cancelled_ = true;
  dropped.swap(on_ready_);
  const auto only_mine = [this, me = std::this_thread::get_id()]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return std::all_of(running_.begin(), running_.end(),
                       [me](std::thread::id id) { return id == me; });
  };
  mutex_.Await(absl::Condition(&only_mine));
}

}  // namespace heim
