// Who waits for a place in the log is told once: when it is reached, or when the time is over.
#include "server/service/search_progress.h"

#include <gtest/gtest.h>

#include "server/base/clock.h"
#include "server/base/timers.h"

namespace heim {
namespace {

class SearchProgressTest : public testing::Test {
 protected:
  void Wait(uint64_t position, int* told) {
    progress_.WhenReached(workspace_, position, absl::Seconds(2), [told] { ++*told; });
  }

  const WorkspaceId workspace_{"w"};
  ManualClock clock_;
  ManualTimers timers_{clock_};
  SearchProgress progress_{timers_};
};

TEST_F(SearchProgressTest, AWaiterIsToldWhenItsPlaceIsReached) {
  int first = 0;
  int second = 0;
  Wait(5, &first);
  Wait(7, &second);
  progress_.Reached(WorkspaceId("other"), 100);
  progress_.Reached(workspace_, 4);
  EXPECT_EQ(first, 0);
  progress_.Reached(workspace_, 6);
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 0);
  EXPECT_EQ(progress_.PositionOf(workspace_), 6u);
  progress_.Reached(workspace_, 7);
  EXPECT_EQ(second, 1);
  EXPECT_EQ(timers_.pending(), 0u);
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(first + second, 2);
}

TEST_F(SearchProgressTest, WhatIsReachedAlreadyIsToldAtOnce) {
  progress_.Reached(workspace_, 5);
  int told = 0;
  Wait(5, &told);
  Wait(0, &told);
  EXPECT_EQ(told, 2);
}

TEST_F(SearchProgressTest, TheWaitEnds) {
  int told = 0;
  Wait(5, &told);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(told, 0);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(told, 1);
  progress_.Reached(workspace_, 9);
  EXPECT_EQ(told, 1);
}

TEST_F(SearchProgressTest, TooManyDoNotWait) {
  int told = 0;
  for (int i = 0; i < 1500; ++i) Wait(5, &told);
  EXPECT_EQ(told, 500);
  progress_.Reached(workspace_, 5);
  EXPECT_EQ(told, 1500);
}

}  // namespace
}  // namespace heim
