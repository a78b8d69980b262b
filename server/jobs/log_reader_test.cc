// Each event has its effect once, in order, over restarts and faults. The job under test writes
// what it saw as events of its own and fails on demand; the store is a real one.
#include "server/jobs/log_reader.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "absl/synchronization/notification.h"
#include "server/base/clock.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/time.h"
#include "server/store/sqlite/sqlite_store.h"

namespace heim {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(30);

// Notes each topic that a channel.updated brings under a key of its own in `meta`.
class NotingJob final : public LogJob {
 public:
  std::string_view name() const override { return "noting"; }
  bool Wants(std::string_view type) const override { return type == "channel.updated"; }
  absl::StatusOr<std::vector<Step>> Plan(ReadTx&, const WorkspaceId&,
                                         const v1::Event& event) override {
    const std::string topic = event.channel_updated().channel().topic();
    absl::MutexLock lock(&mutex_);
    ++plans_[topic];
    if (plan_faults_.count(topic) != 0) return absl::InternalError("a plan that fails");
    if (topic.empty()) return std::vector<Step>();
    const bool fails = step_faults_.count(topic) != 0;
    std::vector<Step> steps;
    for (int i = 0; i < steps_each_; ++i) {
      steps.emplace_back([topic, fails, i](WriteTx& tx) -> absl::Status {
        if (fails && i > 0) return absl::InternalError("a step that fails");
        const std::string key = StrCat("seen ", topic);
        HEIM_ASSIGN_OR_RETURN(const auto before, tx.meta.Get(key));
        return tx.meta.Set(key, StrCat(before.value_or(""), i, " "));
      });
    }
    return steps;
  }

  absl::Mutex mutex_;
  std::map<std::string, int> plans_;
  std::set<std::string> plan_faults_;
  std::set<std::string> step_faults_;
  int steps_each_ = 1;
};

class LogReaderTest : public testing::Test, public CommitListener {
 protected:
  LogReaderTest() {
    std::string pattern = testing::TempDir() + "heim_jobs_XXXXXX";
    directory_ = mkdtemp(pattern.data());
    Open();
    Commit([&](WriteTx& tx) { return Found(tx, workspace_); });
  }
  ~LogReaderTest() override {
    Close();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  void Open() {
    SqliteStore::Options options;
    options.path = directory_ + "/heim.db";
    auto store = SqliteStore::Create(options, clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    store_->SetCommitListener(this);
    reader_ = std::make_unique<LogReader>(options_, *store_, timers_, job_);
  }
  void Close() {
    if (reader_ != nullptr) reader_->Stop();
    store_->Stop();
    reader_.reset();
    store_.reset();
  }
  void Reopen() {
    Close();
    Open();
  }
  void OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) override {
    if (reader_ != nullptr) reader_->OnCommitted(events);
  }

  absl::Status Found(WriteTx& tx, const WorkspaceId& id) {
    v1::Workspace workspace;
    workspace.set_id(id.str());
    workspace.set_name("Acme");
    workspace.set_slug(id.str());
    workspace.set_owner_id("o");
    workspace.set_revision(1);
    *workspace.mutable_created_at() = ToTimestamp(clock_.Now());
    return tx.workspaces.Insert(workspace, "e");
  }
  void Commit(std::function<absl::Status(WriteTx&)> apply) {
    absl::Notification done;
    Draft draft;
    draft.apply = std::move(apply);
    store_->Commit(std::move(draft), [&](const absl::StatusOr<Committed>& committed) {
      EXPECT_TRUE(committed.ok()) << committed.status();
      done.Notify();
    });
    done.WaitForNotification();
  }
  void Say(const std::string& topic, int times = 1) { SayIn(workspace_, topic, times); }
  void SayIn(const WorkspaceId& workspace, const std::string& topic, int times = 1) {
    Commit([&](WriteTx& tx) -> absl::Status {
      for (int i = 0; i < times; ++i) {
        v1::Event event;
        event.mutable_channel_updated()->mutable_channel()->set_topic(topic);
        HEIM_RETURN_IF_ERROR(tx.Emit(workspace, std::move(event)).status());
      }
      return absl::OkStatus();
    });
  }
  std::string Seen(const std::string& topic) {
    std::string seen;
    EXPECT_TRUE(store_
                    ->Read([&](ReadTx& tx) -> absl::Status {
                      HEIM_ASSIGN_OR_RETURN(const auto value, tx.meta.Get("seen " + topic));
                      seen = value.value_or("");
                      return absl::OkStatus();
                    })
                    .ok());
    return seen;
  }
  // Moves the clock until what was tried again is done.
  bool CatchUpWithRetries() {
    for (int i = 0; i < 2000; ++i) {
      if (reader_->WaitCaughtUp(absl::Milliseconds(10))) return true;
      clock_.Advance(options_.retry_delay);
    }
    return false;
  }

  const WorkspaceId workspace_{"w"};
  LogReaderOptions options_;
  std::string directory_;
  ManualClock clock_;
  ManualTimers timers_{clock_};
  NotingJob job_;
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<LogReader> reader_;
};

TEST_F(LogReaderTest, EachEventHasItsEffectOnceAlsoOverRestarts) {
  Say("before");
  reader_->Start();
  Say("a");
  ASSERT_TRUE(reader_->WaitCaughtUp(kSoon));
  EXPECT_EQ(Seen("before"), "0 ");
  EXPECT_EQ(Seen("a"), "0 ");
  Reopen();
  Say("b");
  reader_->Start();
  ASSERT_TRUE(reader_->WaitCaughtUp(kSoon));
  Say("b");
  ASSERT_TRUE(reader_->WaitCaughtUp(kSoon));
  EXPECT_EQ(Seen("a"), "0 ");
  EXPECT_EQ(Seen("b"), "0 0 ");
}

TEST_F(LogReaderTest, AManyEventedLogIsReadInBatchesInOrder) {
  Say("many", 1000);
  Say("last");
  reader_->Start();
  ASSERT_TRUE(reader_->WaitCaughtUp(kSoon));
  EXPECT_EQ(Seen("many").size(), 2000u);
  EXPECT_EQ(Seen("last"), "0 ");
}

TEST_F(LogReaderTest, AnEventOfManyStepsIsDoneInOrderOverSeveralTransactions) {
  job_.steps_each_ = 150;
  Say("long");
  reader_->Start();
  ASSERT_TRUE(reader_->WaitCaughtUp(kSoon));
  std::string all;
  for (int i = 0; i < 150; ++i) StrAppend(&all, i, " ");
  EXPECT_EQ(Seen("long"), all);
}

TEST_F(LogReaderTest, EventsWithoutEffectMoveTheCursorInMemoryUntilThereAreMany) {
  reader_->Start();
  Say("", 100);
  ASSERT_TRUE(reader_->WaitCaughtUp(kSoon));
  const auto stored = [&] {
    uint64_t position = 0;
    EXPECT_TRUE(store_
                    ->Read([&](ReadTx& tx) -> absl::Status {
                      HEIM_ASSIGN_OR_RETURN(position, tx.jobs.Get("noting", workspace_));
                      return absl::OkStatus();
                    })
                    .ok());
    return position;
  };
  EXPECT_EQ(stored(), 0u);
  Say("", 5000);
  ASSERT_TRUE(reader_->WaitCaughtUp(kSoon));
  EXPECT_GT(stored(), 4000u);
}

TEST_F(LogReaderTest, AStopStoresTheCursorSoThatNothingIsPlannedTwice) {
  reader_->Start();
  Say("");
  ASSERT_TRUE(reader_->WaitCaughtUp(kSoon));
  Reopen();
  reader_->Start();
  ASSERT_TRUE(reader_->WaitCaughtUp(kSoon));
  EXPECT_EQ(job_.plans_[""], 1);
}

TEST_F(LogReaderTest, AnEventThatCannotBePlannedIsTriedAFewTimesAndThenLeftOut) {
  job_.plan_faults_ = {"bad"};
  reader_->Start();
  Say("good");
  Say("bad");
  Say("after");
  ASSERT_TRUE(CatchUpWithRetries());
  EXPECT_EQ(Seen("good"), "0 ");
  EXPECT_EQ(Seen("bad"), "");
  EXPECT_EQ(Seen("after"), "0 ");
  EXPECT_EQ(job_.plans_["bad"], options_.tries);
}

TEST_F(LogReaderTest, AnEventWhoseStepsFailDoesNotTakeItsNeighboursWithIt) {
  job_.steps_each_ = 2;
  job_.step_faults_ = {"bad"};
  Say("good");
  Say("bad");
  Say("after");
  reader_->Start();
  ASSERT_TRUE(CatchUpWithRetries());
  EXPECT_EQ(Seen("good"), "0 1 ");
  EXPECT_EQ(Seen("bad"), "") << "the transaction of the first step was undone";
  EXPECT_EQ(Seen("after"), "0 1 ");
}

TEST_F(LogReaderTest, AReaderWhoseCursorWasMovedByAnotherGoesOnFromThere) {
  reader_->Start();
  Say("a");
  ASSERT_TRUE(reader_->WaitCaughtUp(kSoon));
  Commit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const bool moved, tx.jobs.Move("noting", workspace_, 1, 2));
    EXPECT_TRUE(moved);
    HEIM_ASSIGN_OR_RETURN(const bool again, tx.jobs.Move("noting", workspace_, 1, 2));
    EXPECT_FALSE(again);
    return absl::OkStatus();
  });
  Say("done elsewhere");
  Say("c");
  ASSERT_TRUE(CatchUpWithRetries());
  EXPECT_EQ(Seen("done elsewhere"), "");
  EXPECT_EQ(Seen("c"), "0 ");
}

TEST_F(LogReaderTest, EveryWorkspaceIsFollowedAlsoOneThatIsFoundedLater) {
  reader_->Start();
  const WorkspaceId other("other");
  Commit([&](WriteTx& tx) { return Found(tx, other); });
  SayIn(other, "there");
  Say("here");
  ASSERT_TRUE(reader_->WaitCaughtUp(kSoon));
  EXPECT_EQ(Seen("there"), "0 ");
  EXPECT_EQ(Seen("here"), "0 ");
}

TEST_F(LogReaderTest, StopEndsAReaderThatWaitsToTryAgain) {
  job_.plan_faults_ = {"bad"};
  Say("bad");
  reader_->Start();
  EXPECT_FALSE(reader_->WaitCaughtUp(absl::Milliseconds(50)));
  reader_->Stop();
  EXPECT_EQ(timers_.pending(), 0u);
}

}  // namespace
}  // namespace heim
