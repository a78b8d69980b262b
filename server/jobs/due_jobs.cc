#include "server/jobs/due_jobs.h"

#include <algorithm>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/base/log.h"

namespace heim {
namespace {

constexpr absl::Duration kFirstRetry = absl::Seconds(1);
constexpr absl::Duration kLastRetry = absl::Minutes(1);

}  // namespace

// Kept by timers, tasks and continuations, so that a late one finds it stopped instead of gone.
class DueJobs::Core : public std::enable_shared_from_this<DueJobs::Core> {
 public:
  Core(Dependencies dependencies, DueWork work) : deps_(dependencies), work_(std::move(work)) {}

  void Start() {
    absl::MutexLock lock(&mutex_);
    state_ = State::kWaiting;
    ArmLocked(absl::InfinitePast());
  }

  void Wake(absl::Time when) {
    absl::MutexLock lock(&mutex_);
    if (state_ == State::kStopped) return;
    // Whoever works now looks again afterwards, but may have looked already.
    if (state_ == State::kWorking) {
      woken_ = true;
    } else if (when < armed_for_) {
      ArmLocked(when);
    }
  }

  void Stop() {
    Timers::Id timer = 0;
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
      mutex_.Await(absl::Condition(this, &Core::IsIdle));
      state_ = State::kStopped;
      timer = std::exchange(timer_, 0);
    }
    if (timer != 0) deps_.timers.Cancel(timer);
  }

 private:
  enum class State { kStopped, kWaiting, kWorking };

  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return state_ != State::kWorking; }

  // What is due already goes to the executor through a timer of no delay: a timer may be made with
  // the lock held, work may not be begun.
  void ArmLocked(absl::Time when) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (timer_ != 0) deps_.timers.Cancel(timer_);
    armed_for_ = when;
    const uint64_t arming = ++armings_;
    auto fire = [self = shared_from_this(), arming] { self->Fire(arming); };
    if (when == absl::InfiniteFuture()) {
      timer_ = 0;
    } else if (when <= deps_.clock.Now()) {
      timer_ = deps_.timers.After(absl::ZeroDuration(), std::move(fire));
    } else {
      timer_ = deps_.timers.At(when, std::move(fire));
    }
  }

  void RetryLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    retry_ = std::clamp(retry_ * 2, kFirstRetry, kLastRetry);
    const uint64_t arming = ++armings_;
    armed_for_ = absl::InfinitePast();
    timer_ =
        deps_.timers.After(retry_, [self = shared_from_this(), arming] { self->Fire(arming); });
  }

  // On the timer thread.
  void Fire(uint64_t arming) {
    {
      absl::MutexLock lock(&mutex_);
      if (state_ != State::kWaiting || stopping_ || arming != armings_) return;
      state_ = State::kWorking;
      woken_ = false;
      timer_ = 0;
    }
    Post();
  }

  void Post() {
    if (deps_.executor.TryPost([self = shared_from_this()] { self->Work(); })) return;
    Rest(absl::UnavailableError("the executor is full"));
  }

  // On the Executor, and the only one at work.
  void Work() {
    if (IsStopping()) return Rest(std::optional<absl::Time>());
    absl::StatusOr<std::optional<absl::Time>> due = work_.next_due();
    const absl::Time now = deps_.clock.Now();
    if (!due.ok() || !due->has_value() || **due > now) return Rest(std::move(due));
    work_.run(now, [self = shared_from_this()](const absl::StatusOr<int>& handled) {
      self->OnRun(handled);
    });
  }

  // On the thread of the continuation.
  void OnRun(const absl::StatusOr<int>& handled) {
    if (!handled.ok()) return Rest(handled.status());
    if (*handled == 0) return Rest(absl::InternalError("nothing of what was due was done"));
    {
      absl::MutexLock lock(&mutex_);
      retry_ = absl::ZeroDuration();
    }
    Post();
  }

  // Ends the work: until the next due time, or for a while after a failure.
  void Rest(absl::StatusOr<std::optional<absl::Time>> due) {
    if (!due.ok())
      LogWarn("work that is due failed", {{"work", work_.name}, {"error", due.status()}});
    absl::MutexLock lock(&mutex_);
    state_ = State::kWaiting;
    if (stopping_) return;
    if (!due.ok()) return RetryLocked();
    retry_ = absl::ZeroDuration();
    ArmLocked(woken_ ? absl::InfinitePast() : due->value_or(absl::InfiniteFuture()));
  }

  bool IsStopping() const {
    absl::MutexLock lock(&mutex_);
    return stopping_;
  }

  const Dependencies deps_;
  const DueWork work_;
  mutable absl::Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kStopped;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;  // while working
  Timers::Id timer_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t armings_ ABSL_GUARDED_BY(mutex_) = 0;  // a timer of an earlier one fires in vain
  absl::Time armed_for_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  absl::Duration retry_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
};

DueJobs::DueJobs(Dependencies dependencies, DueWork work)
    : core_(std::make_shared<Core>(dependencies, std::move(work))) {}

DueJobs::~DueJobs() { Stop(); }

void DueJobs::Start() { core_->Start(); }

void DueJobs::Wake(absl::Time when) { core_->Wake(when); }

void DueJobs::Stop() { core_->Stop(); }

}  // namespace heim
