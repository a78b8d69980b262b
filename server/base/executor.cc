#include "server/base/executor.h"

#include <pthread.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/check.h"

namespace heim {

ThreadPoolExecutor::ThreadPoolExecutor(Options options) : options_(std::move(options)) {
  HEIM_CHECK(options_.threads > 0);
  absl::MutexLock lock(&join_mutex_);
  threads_.reserve(static_cast<size_t>(options_.threads));
  for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this, i] { Run(i); });
}

ThreadPoolExecutor::~ThreadPoolExecutor() { Stop(); }

bool ThreadPoolExecutor::TryPost(absl::AnyInvocable<void()> work) {
  absl::MutexLock lock(&mutex_);
  if (stopping_ || queue_.size() >= options_.max_queue) return false;
  queue_.push_back(std::move(work));
  return true;
}

void ThreadPoolExecutor::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  absl::MutexLock lock(&join_mutex_);
  for (std::thread& thread : threads_) {
    HEIM_CHECK(thread.get_id() != std::this_thread::get_id());
    thread.join();
  }
  threads_.clear();
}

size_t ThreadPoolExecutor::queued() const {
  absl::MutexLock lock(&mutex_);
  return queue_.size();
}

void ThreadPoolExecutor::Run(int index) {
  constexpr size_t kThreadNameMax = 15;
  const std::string number = absl::StrCat("-", index);
  pthread_setname_np(pthread_self(),
                     (options_.name.substr(0, kThreadNameMax - number.size()) + number).c_str());
  while (true) {
    absl::AnyInvocable<void()> work;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &ThreadPoolExecutor::HasWorkOrStops));
      if (queue_.empty()) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

bool InlineExecutor::TryPost(absl::AnyInvocable<void()> work) {
  {
    absl::MutexLock lock(&mutex_);
    if (full_) return false;
  }
  work();
  return true;
}

void InlineExecutor::set_full(bool full) {
  absl::MutexLock lock(&mutex_);
  full_ = full;
}

}  // namespace heim
