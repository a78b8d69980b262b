// The pool runs what it took exactly once, refuses beyond its bound, and drains when it stops.
#include "server/base/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace heim {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(20);

TEST(ThreadPoolExecutorTest, RefusesWorkBeyondItsBoundAndDestroysItUnrun) {
  ThreadPoolExecutor pool({.threads = 1, .max_queue = 2, .name = "test"});
  absl::Notification running;
  absl::Notification release;
  std::atomic<int> ran{0};
  ASSERT_TRUE(pool.TryPost([&] {
    running.Notify();
    release.WaitForNotification();
    ++ran;
  }));
  ASSERT_TRUE(running.WaitForNotificationWithTimeout(kSoon));
  EXPECT_TRUE(pool.TryPost([&] { ++ran; }));
  EXPECT_TRUE(pool.TryPost([&] { ++ran; }));
  EXPECT_EQ(pool.queued(), 2u);
  auto held = std::make_shared<int>(1);
  EXPECT_FALSE(pool.TryPost([&ran, held] { ++ran; }));
  EXPECT_EQ(held.use_count(), 1);
  release.Notify();
  pool.Stop();
  EXPECT_EQ(ran, 3);
}

TEST(ThreadPoolExecutorTest, StopDrainsAndThenRefuses) {
  ThreadPoolExecutor pool({.threads = 3, .max_queue = 1000, .name = "a-name-that-is-too-long"});
  std::atomic<int> ran{0};
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(pool.TryPost([&] { ++ran; }));
  pool.Stop();
  EXPECT_EQ(ran, 500);
  EXPECT_FALSE(pool.TryPost([&] { ++ran; }));
  pool.Stop();
  EXPECT_EQ(ran, 500);
}

TEST(ThreadPoolExecutorTest, RunsAsManyAtATimeAsItHasThreads) {
  ThreadPoolExecutor pool({.threads = 2, .max_queue = 8, .name = "test"});
  absl::Notification first;
  absl::Notification second;
  std::atomic<int> met{0};
  // Each waits for the other: with one thread neither would finish.
  ASSERT_TRUE(pool.TryPost([&] {
    first.Notify();
    met += second.WaitForNotificationWithTimeout(kSoon) ? 1 : 0;
  }));
  ASSERT_TRUE(pool.TryPost([&] {
    second.Notify();
    met += first.WaitForNotificationWithTimeout(kSoon) ? 1 : 0;
  }));
  pool.Stop();
  EXPECT_EQ(met, 2);
}

TEST(ThreadPoolExecutorTest, WorkPostedByManyThreadsRunsOnceEach) {
  ThreadPoolExecutor pool({.threads = 4, .max_queue = 100000, .name = "test"});
  std::atomic<int> ran{0};
  std::vector<std::thread> posters;
  for (int t = 0; t < 4; ++t) {
    posters.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) EXPECT_TRUE(pool.TryPost([&] { ++ran; }));
    });
  }
  for (std::thread& poster : posters) poster.join();
  pool.Stop();
  EXPECT_EQ(ran, 8000);
}

TEST(InlineExecutorTest, RunsAtOnceUnlessItPlaysFull) {
  InlineExecutor executor;
  int ran = 0;
  EXPECT_TRUE(executor.TryPost([&] { ++ran; }));
  EXPECT_EQ(ran, 1);
  executor.set_full(true);
  EXPECT_FALSE(executor.TryPost([&] { ++ran; }));
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace heim
