// Timers run once, in order, and not after a Cancel that said so. The manual ones run as the clock
// is moved; the thread's are waited for by a notification with a deadline.
#include "server/base/timers.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"

namespace heim {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(20);

TEST(ManualTimersTest, FireInOrderOfDueTimeWhenTheClockIsAdvanced) {
  ManualClock clock;
  ManualTimers timers(clock);
  std::string fired;
  timers.After(absl::Seconds(3), [&] { fired += "c"; });
  timers.At(clock.Now() + absl::Seconds(2), [&] { fired += "b"; });
  timers.After(absl::Seconds(1), [&] { fired += "a"; });
  timers.After(absl::Seconds(3), [&] { fired += "d"; });
  EXPECT_EQ(timers.pending(), 4u);
  clock.Advance(absl::Milliseconds(1999));
  EXPECT_EQ(fired, "a");
  clock.Advance(absl::Seconds(10));
  EXPECT_EQ(fired, "abcd");
  EXPECT_EQ(timers.pending(), 0u);
}

TEST(ManualTimersTest, CancelledTimerNeverRunsAndItsCallbackIsDestroyed) {
  ManualClock clock;
  ManualTimers timers(clock);
  auto held = std::make_shared<int>(1);
  const Timers::Id id = timers.After(absl::Seconds(1), [held] { FAIL(); });
  EXPECT_EQ(held.use_count(), 2);
  EXPECT_TRUE(timers.Cancel(id));
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_FALSE(timers.Cancel(id));
  EXPECT_FALSE(timers.Cancel(0));
  clock.Advance(absl::Seconds(2));
}

TEST(ManualTimersTest, CancelAfterTheRunSaysFalse) {
  ManualClock clock;
  ManualTimers timers(clock);
  const Timers::Id id = timers.After(absl::ZeroDuration(), [] {});
  clock.Advance(absl::ZeroDuration());
  EXPECT_FALSE(timers.Cancel(id));
}

TEST(ManualTimersTest, CallbackMayAddAndCancelTimers) {
  ManualClock clock;
  ManualTimers timers(clock);
  std::string fired;
  const Timers::Id victim = timers.After(absl::Seconds(2), [&] { fired += "victim"; });
  timers.After(absl::Seconds(1), [&] {
    fired += "1";
    EXPECT_TRUE(timers.Cancel(victim));
    timers.After(absl::ZeroDuration(), [&] { fired += "2"; });
  });
  clock.Advance(absl::Seconds(5));
  EXPECT_EQ(fired, "1");
  clock.Advance(absl::ZeroDuration());
  EXPECT_EQ(fired, "12");
}

TEST(ManualTimersTest, WallTimerFollowsAStepBackAndMonotonicTimerDoesNot) {
  ManualClock clock;
  ManualTimers timers(clock);
  std::string fired;
  timers.At(clock.Now() + absl::Seconds(10), [&] { fired += "wall "; });
  timers.After(absl::Seconds(10), [&] { fired += "monotonic "; });
  clock.Set(clock.Now() - absl::Hours(1));
  clock.Advance(absl::Seconds(10));
  EXPECT_EQ(fired, "monotonic ");
  clock.Advance(absl::Hours(1));
  EXPECT_EQ(fired, "monotonic wall ");
}

TEST(ThreadTimersTest, RunBothKindsInOrderOnOneThread) {
  SystemClock clock;
  ThreadTimers timers(clock);
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  absl::Notification done;
  const auto note = [&](int n) {
    order.push_back(n);
    threads.push_back(std::this_thread::get_id());
  };
  timers.After(absl::Milliseconds(60), [&] {
    note(3);
    done.Notify();
  });
  timers.At(clock.Now() + absl::Milliseconds(30), [&] { note(2); });
  timers.After(absl::ZeroDuration(), [&] { note(1); });
  ASSERT_TRUE(done.WaitForNotificationWithTimeout(kSoon));
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(threads[0], threads[2]);
  EXPECT_NE(threads[0], std::this_thread::get_id());
}

TEST(ThreadTimersTest, NeverRunsEarly) {
  SystemClock clock;
  ThreadTimers timers(clock);
  const absl::Duration start = clock.Monotonic();
  absl::Duration ran;
  absl::Notification done;
  timers.After(absl::Milliseconds(25), [&] {
    ran = clock.Monotonic();
    done.Notify();
  });
  ASSERT_TRUE(done.WaitForNotificationWithTimeout(kSoon));
  EXPECT_GE(ran - start, absl::Milliseconds(25));
}

TEST(ThreadTimersTest, AnEarlierTimerOvertakesALaterOne) {
  SystemClock clock;
  ThreadTimers timers(clock);
  absl::Notification done;
  const Timers::Id later = timers.After(absl::Hours(1), [] {});
  timers.After(absl::Milliseconds(1), [&] { done.Notify(); });
  ASSERT_TRUE(done.WaitForNotificationWithTimeout(kSoon));
  EXPECT_TRUE(timers.Cancel(later));
}

TEST(ThreadTimersTest, CallbackMayUseTheTimers) {
  SystemClock clock;
  ThreadTimers timers(clock);
  absl::Notification done;
  const Timers::Id victim = timers.After(absl::Hours(1), [] {});
  timers.After(absl::ZeroDuration(), [&] {
    EXPECT_TRUE(timers.Cancel(victim));
    timers.After(absl::ZeroDuration(), [&] { done.Notify(); });
  });
  ASSERT_TRUE(done.WaitForNotificationWithTimeout(kSoon));
}

TEST(ThreadTimersTest, DestructionDropsWhatHasNotRun) {
  SystemClock clock;
  auto held = std::make_shared<int>(1);
  {
    ThreadTimers timers(clock);
    timers.After(absl::Hours(1), [held] { FAIL(); });
    timers.At(absl::InfiniteFuture(), [held] { FAIL(); });
    EXPECT_EQ(held.use_count(), 3);
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace heim
