// What is due is done, not before and not twice, whatever else is committed or fails meanwhile. The
// work is a list of times; the clock is moved by the test, the executor runs at once.
#include "server/jobs/due_jobs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"

namespace heim {
namespace {

class DueJobsTest : public testing::Test {
 protected:
  DueJobsTest() : jobs_({clock_, timers_, executor_}, Work()) {}

  DueWork Work() {
    DueWork work;
    work.name = "test";
    work.next_due = [this]() -> absl::StatusOr<std::optional<absl::Time>> {
      ++looks_;
      if (!fault_.ok()) return fault_;
      if (waiting_.empty()) return std::optional<absl::Time>();
      return std::optional<absl::Time>(*std::min_element(waiting_.begin(), waiting_.end()));
    };
    work.run = [this](absl::Time now, DueWork::Done done) {
      ++runs_;
      if (hold_) {
        held_ = std::move(done);
      } else {
        done(RunBatch(now));
      }
    };
    return work;
  }

  // At most two items, the earliest first.
  absl::StatusOr<int> RunBatch(absl::Time now) {
    if (stuck_) return 0;
    std::sort(waiting_.begin(), waiting_.end());
    int handled = 0;
    while (handled < 2 && !waiting_.empty() && waiting_.front() <= now) {
      done_at_.push_back(now);
      waiting_.erase(waiting_.begin());
      ++handled;
    }
    return handled;
  }

  absl::Time In(int seconds) { return start_ + absl::Seconds(seconds); }
  void AddAndWake(absl::Time when) {
    waiting_.push_back(when);
    jobs_.Wake(when);
  }
  void Step(absl::Duration by = absl::ZeroDuration()) {
    // What is due already fires at the next move of the clock, also what that fires begins.
    for (int i = 0; i < 10; ++i) clock_.Advance(i == 0 ? by : absl::ZeroDuration());
  }

  ManualClock clock_;
  const absl::Time start_ = clock_.Now();
  ManualTimers timers_{clock_};
  InlineExecutor executor_;
  std::vector<absl::Time> waiting_;
  std::vector<absl::Time> done_at_;
  absl::Status fault_;
  int looks_ = 0;
  int runs_ = 0;
  bool stuck_ = false;
  bool hold_ = false;
  DueWork::Done held_;
  DueJobs jobs_;
};

TEST_F(DueJobsTest, WorkRunsWhenItIsDueAndNotBefore) {
  waiting_ = {In(10)};
  jobs_.Start();
  Step(absl::Seconds(9));
  EXPECT_TRUE(done_at_.empty());
  Step(absl::Seconds(1));
  EXPECT_EQ(done_at_, std::vector<absl::Time>{In(10)});
  Step(absl::Hours(1));
  EXPECT_EQ(done_at_.size(), 1u);
  EXPECT_EQ(timers_.pending(), 0u);
}

TEST_F(DueJobsTest, WhatFellDueBeforeTheStartIsDoneAtOnceInBatches) {
  waiting_ = {In(-50), In(-40), In(-30), In(-20), In(-10)};
  jobs_.Start();
  Step();
  EXPECT_EQ(done_at_.size(), 5u);
  EXPECT_EQ(runs_, 3);
}

TEST_F(DueJobsTest, AnEarlierOneThatComesMovesTheTimerAndALaterOneDoesNot) {
  waiting_ = {In(100)};
  jobs_.Start();
  Step();
  const int looks = looks_;
  AddAndWake(In(200));
  Step();
  EXPECT_EQ(looks_, looks);
  AddAndWake(In(10));
  Step(absl::Seconds(10));
  EXPECT_EQ(done_at_.size(), 1u);
  Step(absl::Seconds(90));
  EXPECT_EQ(done_at_.size(), 2u);
  Step(absl::Seconds(100));
  EXPECT_EQ(done_at_, (std::vector<absl::Time>{In(10), In(100), In(200)}));
}

TEST_F(DueJobsTest, WhatIsDueAtOnceIsDoneAtOnce) {
  jobs_.Start();
  Step();
  AddAndWake(In(-1));
  Step();
  EXPECT_EQ(done_at_.size(), 1u);
}

TEST_F(DueJobsTest, WorkThatWasTakenBackIsNotMissed) {
  waiting_ = {In(10)};
  jobs_.Start();
  Step();
  waiting_.clear();
  Step(absl::Seconds(10));
  EXPECT_EQ(runs_, 0);
}

TEST_F(DueJobsTest, WhatComesWhileABatchIsUnderWayIsNotOverlooked) {
  waiting_ = {In(10)};
  jobs_.Start();
  hold_ = true;
  Step(absl::Seconds(10));
  ASSERT_EQ(runs_, 1);
  AddAndWake(In(12));
  hold_ = false;
  std::exchange(held_, nullptr)(RunBatch(clock_.Now()));
  Step(absl::Seconds(2));
  EXPECT_EQ(done_at_, (std::vector<absl::Time>{In(10), In(12)}));
}

TEST_F(DueJobsTest, AFailureIsTriedAgainWithGrowingDelay) {
  waiting_ = {In(0)};
  fault_ = absl::UnavailableError("no database");
  jobs_.Start();
  Step();
  EXPECT_EQ(looks_, 1);
  Step(absl::Seconds(1));
  EXPECT_EQ(looks_, 2);
  Step(absl::Seconds(1));
  EXPECT_EQ(looks_, 2);
  fault_ = absl::OkStatus();
  Step(absl::Seconds(1));
  EXPECT_EQ(done_at_.size(), 1u);
}

TEST_F(DueJobsTest, WorkThatDoesNothingOfWhatIsDueIsNotCalledInALoop) {
  waiting_ = {In(0)};
  stuck_ = true;
  jobs_.Start();
  Step();
  EXPECT_EQ(runs_, 1);
  stuck_ = false;
  Step(absl::Seconds(1));
  EXPECT_EQ(done_at_.size(), 1u);
}

TEST_F(DueJobsTest, AFullExecutorDelaysAndLosesNothing) {
  waiting_ = {In(0)};
  executor_.set_full(true);
  jobs_.Start();
  Step();
  EXPECT_EQ(runs_, 0);
  executor_.set_full(false);
  Step(absl::Seconds(1));
  EXPECT_EQ(done_at_.size(), 1u);
}

TEST_F(DueJobsTest, NothingRunsAfterStopAndNoTimerIsLeft) {
  waiting_ = {In(10)};
  jobs_.Start();
  Step();
  jobs_.Stop();
  jobs_.Wake(In(1));
  Step(absl::Hours(1));
  EXPECT_EQ(runs_, 0);
  EXPECT_EQ(timers_.pending(), 0u);
}

TEST_F(DueJobsTest, AStepOfTheWallClockIsFollowed) {
  waiting_ = {In(3600)};
  jobs_.Start();
  Step();
  clock_.Set(In(3601));
  Step();
  EXPECT_EQ(done_at_.size(), 1u);
}

TEST(DueJobsThreadsTest, StopWaitsForTheBatchUnderWay) {
  SystemClock clock;
  ThreadTimers timers(clock);
  ThreadPoolExecutor executor({1, 16, "test"});
  absl::Notification begun;
  absl::Notification go_on;
  bool finished = false;
  DueWork work;
  work.name = "test";
  work.next_due = [&]() -> absl::StatusOr<std::optional<absl::Time>> { return clock.Now(); };
  work.run = [&](absl::Time, DueWork::Done done) {
    if (!begun.HasBeenNotified()) begun.Notify();
    go_on.WaitForNotificationWithTimeout(absl::Seconds(20));
    finished = true;
    done(1);
  };
  DueJobs jobs({clock, timers, executor}, std::move(work));
  jobs.Start();
  ASSERT_TRUE(begun.WaitForNotificationWithTimeout(absl::Seconds(20)));
  go_on.Notify();
  jobs.Stop();
  EXPECT_TRUE(finished);
}

}  // namespace
}  // namespace heim
