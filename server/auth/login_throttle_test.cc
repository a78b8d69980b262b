// The throttle as a table of tries: who is stopped, who must not be, and for how long.
#include "server/auth/login_throttle.h"

#include <gtest/gtest.h>

#include <string>

#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

constexpr std::string_view kHere = "203.0.113.7";
constexpr std::string_view kThere = "203.0.113.8";

class LoginThrottleTest : public ::testing::Test {
 protected:
  // Tries until one is refused, at most `most`; how many were taken.
  int Taken(LoginThrottle& throttle, std::string_view account, std::string_view address,
            int most = 1000) {
    for (int i = 0; i < most; ++i) {
      if (!throttle.Begin(account, address).ok()) return i;
    }
    return most;
  }
  absl::Duration WaitOf(const absl::Status& status) {
    return absl::Milliseconds(ToError(status, "").retry_after_ms());
  }

  ManualClock clock_;
  LoginThrottle throttle_{{}, clock_};
};

TEST_F(LoginThrottleTest, TenTriesThenAQuarterOfAnHour) {
  EXPECT_EQ(Taken(throttle_, "ann", kHere), 10);
  const absl::Status refused = throttle_.Begin("ann", kHere);
  EXPECT_EQ(ReasonOf(refused), v1::ERROR_REASON_RATE_LIMITED);
  EXPECT_EQ(WaitOf(refused), absl::Minutes(15));
  clock_.Advance(absl::Minutes(15) - absl::Seconds(1));
  EXPECT_FALSE(throttle_.Begin("ann", kHere).ok());
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(throttle_.Begin("ann", kHere).ok());
}

TEST_F(LoginThrottleTest, EachRoundWaitsTwiceAsLongUpToAnHour) {
  for (const int minutes : {15, 30, 60, 60}) {
    EXPECT_EQ(Taken(throttle_, "ann", kHere), 10);
    EXPECT_EQ(WaitOf(throttle_.Begin("ann", kHere)), absl::Minutes(minutes));
    clock_.Advance(absl::Minutes(minutes));
  }
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Taken(throttle_, "ann", kHere), 10);
  EXPECT_EQ(WaitOf(throttle_.Begin("ann", kHere)), absl::Minutes(15));
}

TEST_F(LoginThrottleTest, NobodyIsLockedOutByAnother) {
  EXPECT_EQ(Taken(throttle_, "ann", kHere), 10);
  EXPECT_TRUE(throttle_.Begin("ann", kThere).ok());
  EXPECT_TRUE(throttle_.Begin("bob", kHere).ok());
}

TEST_F(LoginThrottleTest, OneAddressCannotTryManyAccounts) {
  int taken = 0;
  for (int i = 0; i < 100; ++i) {
    if (throttle_.Begin(StrCat("account", i), kHere).ok()) ++taken;
  }
  EXPECT_EQ(taken, 50);
  EXPECT_TRUE(throttle_.Begin("ann", kThere).ok());
}

TEST_F(LoginThrottleTest, LoopbackHasNoCapOfItsOwn) {
  for (const std::string_view address : {"127.0.0.1", "::1", "::ffff:127.0.0.1", "127.1.2.3"}) {
    for (int i = 0; i < 100; ++i) {
      EXPECT_TRUE(throttle_.Begin(StrCat(address, "account", i), address).ok());
    }
  }
  EXPECT_EQ(Taken(throttle_, "ann", "127.0.0.1"), 10);
}

TEST_F(LoginThrottleTest, SuccessForgivesWhatWentBefore) {
  EXPECT_EQ(Taken(throttle_, "ann", kHere, 9), 9);
  EXPECT_TRUE(throttle_.Begin("ann", kHere).ok());
  throttle_.Succeeded("ann", kHere);
  EXPECT_EQ(Taken(throttle_, "ann", kHere), 10);
}

TEST_F(LoginThrottleTest, CaseOfTheAccountIsNoWayAround) {
  EXPECT_EQ(Taken(throttle_, "ann", kHere), 10);
  EXPECT_FALSE(throttle_.Begin("ANN", kHere).ok());
}

TEST_F(LoginThrottleTest, TriesSpreadOverTimeAreNotAdded) {
  for (int i = 0; i < 100; ++i) {
    EXPECT_TRUE(throttle_.Begin("ann", kHere).ok());
    clock_.Advance(absl::Minutes(2));
  }
}

TEST_F(LoginThrottleTest, StaysBounded) {
  LoginThrottle small({.entries_max = 10}, clock_);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(small.Begin(StrCat("account", i), "::1").ok());
  }
}

TEST_F(LoginThrottleTest, CanBeSwitchedOff) {
  LoginThrottle off({.enabled = false}, clock_);
  EXPECT_EQ(Taken(off, "ann", kHere), 1000);
}

}  // namespace
}  // namespace heim
