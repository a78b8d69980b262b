// Goal: token buckets that are exact, apart by name, and bounded in number.
// Method: a clock that is moved by hand.
#include "server/rpc/rate_limiter.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace heim {
namespace {

constexpr BucketRule kWrite = {10, 50};
constexpr BucketRule kAdmin = {5, 20};

TEST(RateLimiterTest, ABurstIsAllowedThenTheRefill) {
  ManualClock clock;
  RateLimiter limiter({}, clock);
  for (uint32_t i = 0; i < 50; ++i) {
    const auto verdict = limiter.Take(kWrite, "k");
    ASSERT_TRUE(verdict.allowed) << i;
    EXPECT_EQ(verdict.limit, 50u);
    EXPECT_EQ(verdict.remaining, 49 - i);
  }
  const auto refused = limiter.Take(kWrite, "k");
  EXPECT_FALSE(refused.allowed);
  EXPECT_EQ(refused.retry_after, absl::Milliseconds(100));
  EXPECT_EQ(refused.reset, absl::Seconds(5));

  clock.Advance(absl::Milliseconds(99));
  EXPECT_FALSE(limiter.Take(kWrite, "k").allowed);
  clock.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(limiter.Take(kWrite, "k").allowed);
  EXPECT_FALSE(limiter.Take(kWrite, "k").allowed);
}

TEST(RateLimiterTest, ATokenGivenBackIsThereAgain) {
  ManualClock clock;
  RateLimiter limiter({}, clock);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(limiter.Take(kAdmin, "a").allowed);
  EXPECT_FALSE(limiter.Take(kAdmin, "a").allowed);
  EXPECT_TRUE(limiter.Take(kAdmin, "b").allowed);
  limiter.GiveBack(kAdmin, "a");
  EXPECT_TRUE(limiter.Take(kAdmin, "a").allowed);
  EXPECT_FALSE(limiter.Take(kAdmin, "a").allowed);
  limiter.GiveBack(kAdmin, "unknown");
  EXPECT_EQ(limiter.size(), 2u);
}

TEST(RateLimiterTest, ABucketThatIsFullAgainIsNoLongerCounted) {
  ManualClock clock;
  RateLimiter limiter({}, clock);
  limiter.Take(kAdmin, "a");
  EXPECT_EQ(limiter.size(), 1u);
  clock.Advance(absl::Milliseconds(200));
  EXPECT_EQ(limiter.size(), 0u);
}

TEST(RateLimiterTest, SwitchedOffNothingIsLimited) {
  ManualClock clock;
  RateLimiter off({.enabled = false}, clock);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(off.Take(kAdmin, "a").allowed);
  EXPECT_FALSE(off.Take(kAdmin, "a").limited);
  EXPECT_EQ(off.size(), 0u);
}

TEST(RateLimiterTest, TheTableIsBoundedAndForgetsTheFullestBucketsFirst) {
  ManualClock clock;
  RateLimiter limiter({.enabled = true, .buckets_max = 1600}, clock);
  for (int i = 0; i < 20; ++i) limiter.Take(kAdmin, "greedy");
  for (int i = 0; i < 20'000; ++i) limiter.Take(kAdmin, absl::StrCat("k", i));
  EXPECT_LE(limiter.size(), 1600u);
  EXPECT_FALSE(limiter.Take(kAdmin, "greedy").allowed);
}

}  // namespace
}  // namespace heim
