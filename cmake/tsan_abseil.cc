// Makes Abseil's locks, and the counters of absl::Status, visible to the thread sanitizer. Debian's
// Abseil is not instrumented: without this, everything that an absl::Mutex guards is reported as a
// race. The definitions below take the place of those in the libraries for the whole process, gRPC
// included, tell the sanitizer what each call orders, and call the original. Linked into every
// program of the tsan preset only.
#include <absl/status/status.h>
#include <absl/synchronization/blocking_counter.h>
#include <absl/synchronization/mutex.h>
#include <absl/synchronization/notification.h>
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include <cstdlib>

namespace {

// The mutex that this thread is waiting on or unlocking: meanwhile Abseil evaluates conditions
// under it, its own and those of other waiters.
thread_local void* evaluating_under = nullptr;

class Evaluating {
 public:
  explicit Evaluating(void* mutex) : previous_(evaluating_under) { evaluating_under = mutex; }
  ~Evaluating() { evaluating_under = previous_; }

 private:
  void* previous_;
};

class Waiting {
 public:
  Waiting(void* mutex, bool held) : mutex_(mutex), evaluating_(mutex) {
    if (held) __tsan_release(mutex);
  }
  ~Waiting() { __tsan_acquire(mutex_); }

 private:
  void* mutex_;
  Evaluating evaluating_;
};

// A pointer to a non-virtual member function is its address, followed by an adjustment of zero.
template <typename Method>
struct MethodBits {
  void* address;
  void* adjustment;
};

template <typename Method>
Method Original(const char* symbol) {
  void* address = dlsym(RTLD_NEXT, symbol);
  if (address == nullptr) std::abort();
  union {
    MethodBits<Method> bits;
    Method method;
  } cast;
  static_assert(sizeof(cast.bits) == sizeof(cast.method));
  cast.bits = {address, nullptr};
  return cast.method;
}

}  // namespace

// The inline namespace is Debian's.
#define HEIM_SYMBOL(rest) "_ZN4absl7debian3" rest
#define HEIM_CONST_SYMBOL(rest) "_ZNK4absl7debian3" rest
#define HEIM_ORIGINAL(type, symbol) static const auto original = Original<type>(symbol)

namespace absl {
ABSL_NAMESPACE_BEGIN

using Plain = void (Mutex::*)();
using Try = bool (Mutex::*)();
using OnCondition = void (Mutex::*)(const Condition&);
using OnConditionFor = bool (Mutex::*)(const Condition&, Duration);
using OnConditionUntil = bool (Mutex::*)(const Condition&, Time);

void Mutex::Lock() {
  HEIM_ORIGINAL(Plain, HEIM_SYMBOL("5Mutex4LockEv"));
  (this->*original)();
  __tsan_acquire(this);
}

void Mutex::Unlock() {
  HEIM_ORIGINAL(Plain, HEIM_SYMBOL("5Mutex6UnlockEv"));
  Evaluating evaluating(this);
  __tsan_release(this);
  (this->*original)();
}

bool Mutex::TryLock() {
  HEIM_ORIGINAL(Try, HEIM_SYMBOL("5Mutex7TryLockEv"));
  const bool locked = (this->*original)();
  if (locked) __tsan_acquire(this);
  return locked;
}

void Mutex::ReaderLock() {
  HEIM_ORIGINAL(Plain, HEIM_SYMBOL("5Mutex10ReaderLockEv"));
  (this->*original)();
  __tsan_acquire(this);
}

void Mutex::ReaderUnlock() {
  HEIM_ORIGINAL(Plain, HEIM_SYMBOL("5Mutex12ReaderUnlockEv"));
  Evaluating evaluating(this);
  __tsan_release(this);
  (this->*original)();
}

bool Mutex::ReaderTryLock() {
  HEIM_ORIGINAL(Try, HEIM_SYMBOL("5Mutex13ReaderTryLockEv"));
  const bool locked = (this->*original)();
  if (locked) __tsan_acquire(this);
  return locked;
}

void Mutex::Await(const Condition& cond) {
  HEIM_ORIGINAL(OnCondition, HEIM_SYMBOL("5Mutex5AwaitERKNS0_9ConditionE"));
  Waiting waiting(this, /*held=*/true);
  (this->*original)(cond);
}

bool Mutex::AwaitWithTimeout(const Condition& cond, Duration timeout) {
  HEIM_ORIGINAL(OnConditionFor,
                HEIM_SYMBOL("5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE"));
  Waiting waiting(this, /*held=*/true);
  return (this->*original)(cond, timeout);
}

bool Mutex::AwaitWithDeadline(const Condition& cond, Time deadline) {
  HEIM_ORIGINAL(OnConditionUntil,
                HEIM_SYMBOL("5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE"));
  Waiting waiting(this, /*held=*/true);
  return (this->*original)(cond, deadline);
}

void Mutex::LockWhen(const Condition& cond) {
  HEIM_ORIGINAL(OnCondition, HEIM_SYMBOL("5Mutex8LockWhenERKNS0_9ConditionE"));
  Waiting waiting(this, /*held=*/false);
  (this->*original)(cond);
}

bool Mutex::LockWhenWithTimeout(const Condition& cond, Duration timeout) {
  HEIM_ORIGINAL(OnConditionFor,
                HEIM_SYMBOL("5Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE"));
  Waiting waiting(this, /*held=*/false);
  return (this->*original)(cond, timeout);
}

bool Mutex::LockWhenWithDeadline(const Condition& cond, Time deadline) {
  HEIM_ORIGINAL(OnConditionUntil,
                HEIM_SYMBOL("5Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE"));
  Waiting waiting(this, /*held=*/false);
  return (this->*original)(cond, deadline);
}

bool Condition::Eval() const {
  using Method = bool (Condition::*)() const;
  HEIM_ORIGINAL(Method, HEIM_CONST_SYMBOL("9Condition4EvalEv"));
  if (evaluating_under == nullptr) return (this->*original)();
  __tsan_acquire(evaluating_under);
  const bool result = (this->*original)();
  __tsan_release(evaluating_under);
  return result;
}

void CondVar::Wait(Mutex* mu) {
  using Method = void (CondVar::*)(Mutex*);
  HEIM_ORIGINAL(Method, HEIM_SYMBOL("7CondVar4WaitEPNS0_5MutexE"));
  Waiting waiting(mu, /*held=*/true);
  (this->*original)(mu);
}

bool CondVar::WaitWithTimeout(Mutex* mu, Duration timeout) {
  using Method = bool (CondVar::*)(Mutex*, Duration);
  HEIM_ORIGINAL(Method, HEIM_SYMBOL("7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE"));
  Waiting waiting(mu, /*held=*/true);
  return (this->*original)(mu, timeout);
}

bool CondVar::WaitWithDeadline(Mutex* mu, Time deadline) {
  using Method = bool (CondVar::*)(Mutex*, Time);
  HEIM_ORIGINAL(Method, HEIM_SYMBOL("7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE"));
  Waiting waiting(mu, /*held=*/true);
  return (this->*original)(mu, deadline);
}

void Notification::Notify() {
  using Method = void (Notification::*)();
  HEIM_ORIGINAL(Method, HEIM_SYMBOL("12Notification6NotifyEv"));
  __tsan_release(this);
  __tsan_release(&notified_yet_);  // read by the inline HasBeenNotified
  (this->*original)();
}

void Notification::WaitForNotification() const {
  using Method = void (Notification::*)() const;
  HEIM_ORIGINAL(Method, HEIM_CONST_SYMBOL("12Notification19WaitForNotificationEv"));
  (this->*original)();
  __tsan_acquire(const_cast<Notification*>(this));
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  using Method = bool (Notification::*)(Duration) const;
  HEIM_ORIGINAL(Method,
                HEIM_CONST_SYMBOL("12Notification30WaitForNotificationWithTimeoutENS0_8DurationE"));
  const bool notified = (this->*original)(timeout);
  if (notified) __tsan_acquire(const_cast<Notification*>(this));
  return notified;
}

bool Notification::WaitForNotificationWithDeadline(Time deadline) const {
  using Method = bool (Notification::*)(Time) const;
  HEIM_ORIGINAL(Method,
                HEIM_CONST_SYMBOL("12Notification31WaitForNotificationWithDeadlineENS0_4TimeE"));
  const bool notified = (this->*original)(deadline);
  if (notified) __tsan_acquire(const_cast<Notification*>(this));
  return notified;
}

// As the library has it: whoever lets go last frees what the others have read.
void Status::UnrefNonInlined(uintptr_t rep) {
  status_internal::StatusRep* held = RepToPointer(rep);
  if (held->ref.load(std::memory_order_acquire) != 1) {
    __tsan_release(held);
    if (held->ref.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  }
  __tsan_acquire(held);
  delete held;
}

bool BlockingCounter::DecrementCount() {
  using Method = bool (BlockingCounter::*)();
  HEIM_ORIGINAL(Method, HEIM_SYMBOL("15BlockingCounter14DecrementCountEv"));
  __tsan_release(this);
  return (this->*original)();
}

void BlockingCounter::Wait() {
  using Method = void (BlockingCounter::*)();
  HEIM_ORIGINAL(Method, HEIM_SYMBOL("15BlockingCounter4WaitEv"));
  (this->*original)();
  __tsan_acquire(this);
}

ABSL_NAMESPACE_END
}  // namespace absl
