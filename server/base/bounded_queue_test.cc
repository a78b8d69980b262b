// Values come out once and in order, no more than the capacity is held, Close wakes the waiters.
#include "server/base/bounded_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace heim {
namespace {

TEST(BoundedQueueTest, RefusesBeyondItsCapacityAndLeavesTheValueAlone) {
  BoundedQueue<std::unique_ptr<int>> queue(2);
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(1)));
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);
  EXPECT_FALSE(queue.TryPush(std::move(third)));
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(queue.size(), 2u);
  const auto taken = queue.PopAll();
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(*taken[0], 1);
  EXPECT_EQ(*taken[1], 2);
  EXPECT_TRUE(queue.TryPush(std::move(third)));
}

TEST(BoundedQueueTest, PopBatchTakesAtMostMaxAndTimesOutEmpty) {
  BoundedQueue<int> queue(10);
  for (int i = 0; i < 5; ++i) queue.TryPush(i);
  EXPECT_EQ(queue.PopBatch(3, absl::ZeroDuration()), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(queue.PopBatch(3, absl::InfinitePast()), (std::vector<int>{3, 4}));
  EXPECT_TRUE(queue.PopBatch(3, absl::ZeroDuration()).empty());
  EXPECT_TRUE(queue.PopBatch(3, absl::Milliseconds(5)).empty());
}

TEST(BoundedQueueTest, CloseRefusesValuesButLetsTheRestOut) {
  BoundedQueue<int> queue(10);
  queue.TryPush(1);
  queue.Close();
  EXPECT_TRUE(queue.closed());
  EXPECT_FALSE(queue.TryPush(2));
  EXPECT_EQ(queue.PopAll(), std::vector<int>{1});
  EXPECT_TRUE(queue.PopAll().empty());
}

TEST(BoundedQueueTest, CloseWakesAWaiter) {
  BoundedQueue<int> queue(1);
  std::thread waiter([&] { EXPECT_TRUE(queue.PopAll().empty()); });
  queue.Close();
  waiter.join();
}

TEST(BoundedQueueTest, EveryValueOfManyProducersArrivesOnce) {
  BoundedQueue<int> queue(64);
  constexpr int kEach = 5000;
  std::vector<std::thread> producers;
  for (int p = 0; p < 3; ++p) {
    producers.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) {
        while (!queue.TryPush(i)) std::this_thread::yield();
      }
    });
  }
  long long sum = 0;
  for (int taken = 0; taken < 3 * kEach;) {
    for (const int value : queue.PopBatch(16, absl::Seconds(20))) {
      sum += value;
      ++taken;
    }
  }
  for (std::thread& producer : producers) producer.join();
  EXPECT_EQ(sum, 3LL * kEach * (kEach - 1) / 2);
  EXPECT_EQ(queue.size(), 0u);
}

}  // namespace
}  // namespace heim
