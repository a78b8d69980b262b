// Goal: token buckets that are exact, apart for each caller and class, and bounded in number.
// Method: a clock that is moved by hand.
#include "server/rpc/rate_limiter.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace heim {
namespace {

TEST(RateLimiterTest, ABurstIsAllowedThenTheRefill) {
  ManualClock clock;
  RateLimiter limiter({}, clock);
  for (uint32_t i = 0; i < 50; ++i) {
    const auto verdict = limiter.Take(v1::RATE_CLASS_WRITE, "k");
    ASSERT_TRUE(verdict.allowed) << i;
    EXPECT_EQ(verdict.limit, 50u);
    EXPECT_EQ(verdict.remaining, 49 - i);
  }
  const auto refused = limiter.Take(v1::RATE_CLASS_WRITE, "k");
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after, absl::Milliseconds(100));
  EXPECT_EQ(refused.reset, absl::Seconds(5));

  clock.Advance(absl::Milliseconds(99));
  EXPECT_FALSE(limiter.Take(v1::RATE_CLASS_WRITE, "k").allowed);
  clock.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(limiter.Take(v1::RATE_CLASS_WRITE, "k").allowed);
  EXPECT_FALSE(limiter.Take(v1::RATE_CLASS_WRITE, "k").allowed);
}

TEST(RateLimiterTest, CallersAndClassesHaveTheirOwnBuckets) {
  ManualClock clock;
  RateLimiter limiter({}, clock);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(limiter.Take(v1::RATE_CLASS_ADMIN, "a").allowed);
  EXPECT_FALSE(limiter.Take(v1::RATE_CLASS_ADMIN, "a").allowed);
  EXPECT_TRUE(limiter.Take(v1::RATE_CLASS_ADMIN, "b").allowed);
  EXPECT_TRUE(limiter.Take(v1::RATE_CLASS_READ, "a").allowed);
}

TEST(RateLimiterTest, SwitchedOffOrWithoutKeyNothingIsLimited) {
  ManualClock clock;
  RateLimiter off({.enabled = false}, clock);
  RateLimiter on({}, clock);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(off.Take(v1::RATE_CLASS_ADMIN, "a").allowed);
    EXPECT_TRUE(on.Take(v1::RATE_CLASS_ADMIN, "").allowed);
  }
  EXPECT_FALSE(off.Take(v1::RATE_CLASS_ADMIN, "a").limited);
}

TEST(RateLimiterTest, TheTableIsBoundedAndForgetsTheFullestBucketsFirst) {
  ManualClock clock;
  RateLimiter limiter({.enabled = true, .buckets_max = 1600}, clock);
  for (int i = 0; i < 20; ++i) limiter.Take(v1::RATE_CLASS_ADMIN, "greedy");
  for (int i = 0; i < 20'000; ++i) limiter.Take(v1::RATE_CLASS_ADMIN, absl::StrCat("k", i));
  EXPECT_LE(limiter.size(), 1600u);
  EXPECT_FALSE(limiter.Take(v1::RATE_CLASS_ADMIN, "greedy").allowed);
}

TEST(RateLimiterTest, AScaleWidensTheBucket) {
  ManualClock clock;
  RateLimiter limiter({}, clock);
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(limiter.Take(v1::RATE_CLASS_AUTH, "192.0.2.1", 20).allowed);
  }
  EXPECT_FALSE(limiter.Take(v1::RATE_CLASS_AUTH, "192.0.2.1", 20).allowed);
}

}  // namespace
}  // namespace heim
