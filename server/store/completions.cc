#include "server/store/completions.h"

namespace heim {
namespace {

constexpr size_t kMaxBatches = 64;

}  // namespace

bool Completions::HasRoom() const { return batches_.size() < kMaxBatches; }

void Completions::Add(std::vector<Completion> batch) {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &Completions::HasRoom));
  batches_.push_back(std::move(batch));
}

void Completions::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    if (stopping_) return;
    stopping_ = true;
  }
  thread_.join();
}

void Completions::Run() {
  while (true) {
    std::vector<Completion> batch;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &Completions::HasWorkOrStops));
      if (batches_.empty()) return;
      batch = std::move(batches_.front());
      batches_.pop_front();
    }
    for (Completion& completion : batch) completion.done(std::move(completion.outcome));
  }
}

}  // namespace heim
