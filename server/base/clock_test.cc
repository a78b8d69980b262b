// The manual clock moves only when told and tells its listeners; the system clock does not go back.
#include "server/base/clock.h"

#include <gtest/gtest.h>

namespace heim {
namespace {

TEST(ManualClockTest, AdvanceMovesBothTimes) {
  ManualClock clock(absl::FromUnixSeconds(100));
  clock.Advance(absl::Seconds(5));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(105));
  EXPECT_EQ(clock.Monotonic(), absl::Seconds(5));
}

TEST(ManualClockTest, SteppingBackLeavesMonotonicTimeAlone) {
  ManualClock clock(absl::FromUnixSeconds(100));
  clock.Set(absl::FromUnixSeconds(130));
  clock.Set(absl::FromUnixSeconds(10));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(10));
  EXPECT_EQ(clock.Monotonic(), absl::Seconds(30));
}

TEST(ManualClockTest, ListenersHearEachMoveUntilTheyAreRemoved) {
  ManualClock clock;
  int heard = 0;
  const auto id = clock.AddListener([&] {
    ++heard;
    clock.Now();  // No lock of the clock is held here.
  });
  clock.Advance(absl::Seconds(1));
  clock.Set(absl::FromUnixSeconds(0));
  EXPECT_EQ(heard, 2);
  clock.RemoveListener(id);
  clock.Advance(absl::Seconds(1));
  EXPECT_EQ(heard, 2);
}

TEST(SystemClockTest, TellsAPlausibleTimeAndNeverGoesBack) {
  SystemClock clock;
  EXPECT_GT(clock.Now(), absl::FromCivil(absl::CivilDay(2025, 1, 1), absl::UTCTimeZone()));
  absl::Duration last = clock.Monotonic();
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration next = clock.Monotonic();
    ASSERT_GE(next, last);
    last = next;
  }
}

}  // namespace
}  // namespace heim
