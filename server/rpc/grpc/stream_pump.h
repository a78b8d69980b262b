// StreamPump is the thread that moves frames from their sources to gRPC: sources say that they are
// ready from threads that must not do it themselves (the fan-out thread, committers). It is woken
// once for a batch of streams. Owned by GrpcServer. Thread-safe; Schedule never blocks.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace heim {

// What can be pumped: one thing, one thread at a time.
class Pumped {
 public:
  virtual ~Pumped() = default;
  // Must not block.
  virtual void Pump() = 0;

 private:
  friend class StreamPump;
  std::atomic<bool> scheduled_{false};
};

class StreamPump {
 public:
  StreamPump();
  ~StreamPump();

  // Pump is called once or more after this. Dropped once stopped.
  void Schedule(std::shared_ptr<Pumped> pumped);

  // Joins the thread. A second call does nothing; for one thread.
  void Stop();

 private:
  void Run();

  absl::Mutex mutex_;
  std::vector<std::shared_ptr<Pumped>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace heim
