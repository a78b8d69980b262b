#include "server/rpc/grpc/stream_pump.h"

#include <pthread.h>

#include <utility>

namespace heim {

StreamPump::StreamPump() : thread_([this] { Run(); }) {
  pthread_setname_np(thread_.native_handle(), "grpc-pump");
}

StreamPump::~StreamPump() { Stop(); }

void StreamPump::Schedule(std::shared_ptr<Pumped> pumped) {
  if (pumped->scheduled_.exchange(true, std::memory_order_acq_rel)) return;
  absl::MutexLock lock(&mutex_);
  if (!stopping_) queue_.push_back(std::move(pumped));
}

void StreamPump::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void StreamPump::Run() {
  std::vector<std::shared_ptr<Pumped>> batch;
  const auto wanted = [this]()
                          ABSL_NO_THREAD_SAFETY_ANALYSIS { return stopping_ || !queue_.empty(); };
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&wanted));
      if (queue_.empty()) return;
      batch.swap(queue_);
    }
    for (std::shared_ptr<Pumped>& pumped : batch) {
      pumped->scheduled_.store(false, std::memory_order_release);
      pumped->Pump();
      pumped.reset();
    }
    batch.clear();
  }
}

}  // namespace heim
