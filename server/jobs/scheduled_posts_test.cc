// Goal: a scheduled message is sent at its time, once, whatever else happens to it, and one that
// may not be sent is marked. Method: a real store in memory, a clock that is moved by the test.
#include "server/jobs/scheduled_posts.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/notification.h"
#include "server/base/entropy.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/time.h"
#include "server/service/scheduled_sending.h"
#include "server/store/sqlite/sqlite_store.h"

namespace heim {
namespace {

class NobodyThere final : public PresenceBook {
 public:
  void Connected(const WorkspaceId&, const ActorId&) override {}
  void Disconnected(const WorkspaceId&, const ActorId&) override {}
  v1::ActorPresence Set(const WorkspaceId&, const ActorId&, v1::Presence,
                        std::optional<std::string>) override {
    return {};
  }
  v1::ActorPresence Get(const ActorId&, const std::optional<std::string>&) const override {
    return {};
  }
};

class ScheduledPostsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SetLogLevel("error");
    SqliteStore::Options options;
    options.path = ":memory:";
    auto store = SqliteStore::Create(options, clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    workspace_ = WorkspaceId(ids_.NewId());
    ann_ = ActorId(ids_.NewId());
    channel_ = ChannelId(ids_.NewId());
    MustCommit([&](WriteTx& tx) { return MakeWorld(tx); });
    posts_ = std::make_unique<ScheduledPosts>(*store_, ids_, presence_,
                                              DueJobs::Dependencies{clock_, timers_, executor_});
  }
  void TearDown() override {
    posts_->Stop();
    posts_.reset();
    store_->Stop();
  }

  absl::Status MakeWorld(WriteTx& tx) {
    v1::Workspace workspace;
    workspace.set_id(workspace_.str());
    workspace.set_slug("acme");
    workspace.set_owner_id(ann_.str());
    workspace.set_revision(1);
    HEIM_RETURN_IF_ERROR(tx.workspaces.Insert(workspace, "epoch"));
    v1::Actor ann;
    ann.set_id(ann_.str());
    ann.set_type(v1::ACTOR_TYPE_HUMAN);
    ann.set_username("ann");
    ann.set_revision(1);
    HEIM_RETURN_IF_ERROR(tx.actors.Insert(ann, ""));
    HEIM_RETURN_IF_ERROR(
        tx.workspaces.InsertMember(workspace_, ann_, v1::WORKSPACE_ROLE_MEMBER, clock_.Now()));
    v1::Channel channel;
    channel.set_id(channel_.str());
    channel.set_workspace_id(workspace_.str());
    channel.set_name("general");
    channel.set_type(v1::CHANNEL_TYPE_PUBLIC);
    channel.set_revision(1);
    HEIM_RETURN_IF_ERROR(tx.channels.Insert(channel, ""));
    v1::Member member;
    member.set_channel_id(channel_.str());
    member.mutable_actor()->set_id(ann_.str());
    member.set_role(v1::CHANNEL_ROLE_MEMBER);
    HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace_));
    HEIM_RETURN_IF_ERROR(tx.members.Insert(member, position));
    v1::Event event;
    event.set_channel_id(channel_.str());
    event.mutable_channel_updated();
    return tx.Emit(workspace_, std::move(event)).status();
  }

  absl::Status Commit(std::function<absl::Status(WriteTx&)> apply) {
    absl::Notification over;
    absl::Status outcome;
    Draft draft;
    draft.apply = std::move(apply);
    store_->Commit(std::move(draft), [&](absl::StatusOr<Committed> committed) {
      outcome = committed.status();
      over.Notify();
    });
    over.WaitForNotification();
    return outcome;
  }
  void MustCommit(std::function<absl::Status(WriteTx&)> apply) {
    const absl::Status status = Commit(std::move(apply));
    ASSERT_TRUE(status.ok()) << status;
  }
  // Moves the clock; what that begins is then over, and what that begins in turn.
  void Step(absl::Duration by) {
    clock_.Advance(by);
    for (int i = 0; i < 20; ++i) {
      MustCommit([](WriteTx&) { return absl::OkStatus(); });
      clock_.Advance(absl::ZeroDuration());
    }
  }

  std::string Schedule(absl::Duration ahead, const std::string& text) {
    const std::string id = ids_.NewId();
    ScheduledRow row;
    row.workspace = workspace_;
    row.actor = ann_;
    row.message.set_id(id);
    row.message.set_channel_id(channel_.str());
    row.message.set_content(text);
    row.message.set_content_type(v1::CONTENT_TYPE_MARKDOWN);
    row.message.set_state(v1::SCHEDULED_STATE_PENDING);
    *row.message.mutable_send_at() = ToTimestamp(clock_.Now() + ahead);
    MustCommit([&](WriteTx& tx) {
      ScheduledRow fresh = row;
      return ChangeScheduled(tx, clock_.Now(), &fresh);
    });
    posts_->Wake(clock_.Now() + ahead);
    return id;
  }
  void Change(const std::string& id, std::function<void(v1::ScheduledMessage*)> change) {
    MustCommit([&](WriteTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(ScheduledRow row, tx.scheduled_messages.Get(id));
      change(&row.message);
      return ChangeScheduled(tx, clock_.Now(), &row);
    });
  }
  v1::ScheduledMessage Get(const std::string& id) {
    v1::ScheduledMessage found;
    const absl::Status status = store_->Read([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(const ScheduledRow row, tx.scheduled_messages.Get(id));
      found = row.message;
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return found;
  }
  std::vector<std::string> Said() {
    std::vector<std::string> texts;
    const absl::Status status = store_->Read([&](ReadTx& tx) -> absl::Status {
      MessagePage page;
      page.ascending = true;
      page.limit = 1000;
      HEIM_ASSIGN_OR_RETURN(const auto messages, tx.messages.List(channel_, page));
      for (const v1::Message& message : messages) texts.push_back(message.content());
      return absl::OkStatus();
    });
    EXPECT_TRUE(status.ok()) << status;
    return texts;
  }

  ManualClock clock_;
  ManualTimers timers_{clock_};
  InlineExecutor executor_;
  SeededEntropy entropy_{3};
  UuidV7Ids ids_{clock_, entropy_};
  NobodyThere presence_;
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<ScheduledPosts> posts_;
  WorkspaceId workspace_;
  ActorId ann_;
  ChannelId channel_;
};

using Texts = std::vector<std::string>;

TEST_F(ScheduledPostsTest, AMessageIsSentAtItsTimeAndNotBefore) {
  posts_->Start();
  const std::string later = Schedule(absl::Minutes(2), "second");
  const std::string soon = Schedule(absl::Minutes(1), "first");
  Step(absl::Seconds(59));
  EXPECT_EQ(Said(), Texts());
  Step(absl::Seconds(1));
  EXPECT_EQ(Said(), Texts({"first"}));
  const v1::ScheduledMessage sent = Get(soon);
  EXPECT_EQ(sent.state(), v1::SCHEDULED_STATE_SENT);
  EXPECT_FALSE(sent.message_id().empty());
  EXPECT_EQ(sent.content(), "") << "its text is the message's now";
  EXPECT_EQ(Get(later).state(), v1::SCHEDULED_STATE_PENDING);
  Step(absl::Minutes(1));
  EXPECT_EQ(Said(), Texts({"first", "second"}));
  Step(absl::Hours(24));
  EXPECT_EQ(Said().size(), 2u);
}

TEST_F(ScheduledPostsTest, WhatFellDueWhileNobodyRanIsSentAtTheStartInOrder) {
  Texts expected;
  for (int i = 0; i < 120; ++i) {
    Schedule(absl::Seconds(i + 1), StrCat(i));
    expected.push_back(StrCat(i));
  }
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Said(), Texts());
  posts_->Start();
  Step(absl::ZeroDuration());
  EXPECT_EQ(Said(), expected) << "in batches, none lost and none twice";
}

TEST_F(ScheduledPostsTest, AChangedTimeCounts) {
  posts_->Start();
  const std::string id = Schedule(absl::Minutes(1), "moved");
  Change(id, [&](v1::ScheduledMessage* message) {
    *message->mutable_send_at() = ToTimestamp(clock_.Now() + absl::Minutes(5));
  });
  posts_->Wake(clock_.Now() + absl::Minutes(5));
  Step(absl::Minutes(4));
  EXPECT_EQ(Said(), Texts());
  Step(absl::Minutes(1));
  EXPECT_EQ(Said(), Texts({"moved"}));
}

TEST_F(ScheduledPostsTest, OneThatWasCancelledIsNotSent) {
  posts_->Start();
  const std::string id = Schedule(absl::Minutes(1), "never");
  Change(id,
         [&](v1::ScheduledMessage* message) { message->set_state(v1::SCHEDULED_STATE_CANCELLED); });
  Step(absl::Minutes(2));
  EXPECT_EQ(Said(), Texts());
  EXPECT_EQ(Get(id).state(), v1::SCHEDULED_STATE_CANCELLED);
}

TEST_F(ScheduledPostsTest, OneThatMayNotBeSentIsMarkedAndDoesNotHoldUpOthers) {
  posts_->Start();
  const std::string bad = Schedule(absl::Minutes(1), " ");  // no message can be empty
  const std::string good = Schedule(absl::Minutes(1), "good");
  Step(absl::Minutes(1));
  EXPECT_EQ(Said(), Texts({"good"}));
  EXPECT_EQ(Get(good).state(), v1::SCHEDULED_STATE_SENT);
  EXPECT_EQ(Get(bad).state(), v1::SCHEDULED_STATE_FAILED);
  EXPECT_EQ(Get(bad).error(), "content_empty");
  EXPECT_EQ(timers_.pending(), 0u) << "nothing is due any more";
}

TEST_F(ScheduledPostsTest, TheAuthorMustStillBeThere) {
  posts_->Start();
  const std::string id = Schedule(absl::Minutes(1), "ghost");
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(v1::Actor ann, tx.actors.Get(ann_));
    *ann.mutable_deleted_at() = ToTimestamp(clock_.Now());
    return tx.actors.Update(ann);
  });
  Step(absl::Minutes(1));
  EXPECT_EQ(Said(), Texts());
  EXPECT_EQ(Get(id).error(), "actor_deactivated");
  EXPECT_EQ(Get(id).content(), "ghost") << "kept for whom it may concern";
}

// What another node, or the author's own hand, sent meanwhile.
TEST_F(ScheduledPostsTest, OneThatWasSentMeanwhileIsNotSentAgain) {
  const std::string id = Schedule(absl::Minutes(1), "once");
  clock_.Advance(absl::Minutes(2));
  for (int i = 0; i < 3; ++i) {
    MustCommit([&](WriteTx& tx) { return SendDue(tx, id, {clock_.Now(), ids_.NewId()}); });
    MustCommit([&](WriteTx& tx) { return FailDue(tx, id, clock_.Now(), "too_late"); });
  }
  posts_->Start();
  Step(absl::Minutes(1));
  EXPECT_EQ(Said(), Texts({"once"}));
  EXPECT_EQ(Get(id).state(), v1::SCHEDULED_STATE_SENT);
}

}  // namespace
}  // namespace heim
