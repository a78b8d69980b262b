// The index says what the rows say: after each change, over restarts, faults of the index, a new
// epoch and a log that was cut. Store and index are real; an index that fails on demand stands
// before the latter.
#include "server/jobs/search_indexer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_join.h"
#include "absl/synchronization/notification.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/timers.h"
#include "server/model/time.h"
#include "server/store/sqlite/search_index.h"
#include "server/store/sqlite/sqlite_store.h"

namespace heim {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(30);

class FaultyIndex final : public MessageIndex {
 public:
  explicit FaultyIndex(MessageIndex& to) : to_(to) {}
  // The next writes fail so.
  void Fail(absl::Status with, int times) {
    absl::MutexLock lock(&mutex_);
    fault_ = std::move(with);
    times_ = times;
  }
  int resets() const {
    absl::MutexLock lock(&mutex_);
    return resets_;
  }

  absl::StatusOr<IndexState> Load() override { return to_.Load(); }
  absl::Status Health() const override { return to_.Health(); }
  absl::Status Reset() override {
    {
      absl::MutexLock lock(&mutex_);
      ++resets_;
    }
    return to_.Reset();
  }
  absl::Status Begin(absl::Span<const IndexPlace> places) override { return to_.Begin(places); }
  absl::Status Apply(const IndexBatch& batch) override {
    {
      absl::MutexLock lock(&mutex_);
      if (times_ > 0 && --times_ >= 0) return fault_;
    }
    return to_.Apply(batch);
  }
  absl::StatusOr<bool> EraseSome(const ChannelId& channel) override {
    return to_.EraseSome(channel);
  }
  bool HasRemains() const override { return to_.HasRemains(); }
  absl::StatusOr<bool> Scrub() override { return to_.Scrub(); }
  absl::StatusOr<IndexAnswer> Find(const IndexSearch& search) override { return to_.Find(search); }

 private:
  MessageIndex& to_;
  mutable absl::Mutex mutex_;
  absl::Status fault_ ABSL_GUARDED_BY(mutex_);
  int times_ ABSL_GUARDED_BY(mutex_) = 0;
  int resets_ ABSL_GUARDED_BY(mutex_) = 0;
};

class SearchIndexerTest : public testing::Test, public CommitListener {
 protected:
  SearchIndexerTest() {
    std::string pattern = testing::TempDir() + "heim_indexer_XXXXXX";
    directory_ = mkdtemp(pattern.data());
    options_.retry_delay = absl::Milliseconds(1);
    options_.look_again = absl::Milliseconds(10);
    options_.backfill_messages = 3;
    options_.batch_events = 4;
    OpenStore();
    Commit([&](WriteTx& tx) -> absl::Status {
      v1::Workspace workspace;
      workspace.set_id("w");
      workspace.set_name("Acme");
      workspace.set_slug("acme");
      workspace.set_owner_id("o");
      *workspace.mutable_created_at() = ToTimestamp(clock_.Now());
      HEIM_RETURN_IF_ERROR(tx.workspaces.Insert(workspace, "e1"));
      v1::Channel channel;
      channel.set_id("c");
      channel.set_workspace_id("w");
      channel.set_type(v1::CHANNEL_TYPE_PUBLIC);
      channel.set_name("general");
      *channel.mutable_created_at() = ToTimestamp(clock_.Now());
      return tx.channels.Insert(channel, "");
    });
  }
  ~SearchIndexerTest() override {
    StopIndexer();
    store_->Stop();
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  void OpenStore() {
    SqliteStore::Options options;
    options.path = directory_ + "/heim.db";
    auto store = SqliteStore::Create(options, clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    store_->SetCommitListener(this);
  }
  void StartIndexer() {
    SqliteSearchIndex::Options options;
    options.path = directory_ + "/search.sqlite";
    auto opened = SqliteSearchIndex::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    index_ = *std::move(opened);
    faulty_ = std::make_unique<FaultyIndex>(*index_);
    progress_ = std::make_unique<SearchProgress>(timers_);
    auto indexer = std::make_unique<SearchIndexer>(
        options_, SearchIndexer::Dependencies{*store_, clock_, *faulty_, *progress_});
    indexer->Start();
    absl::MutexLock lock(&mutex_);
    indexer_ = std::move(indexer);
  }
  void StopIndexer() {
    std::unique_ptr<SearchIndexer> stopped;
    {
      absl::MutexLock lock(&mutex_);
      stopped = std::move(indexer_);
    }
    stopped.reset();
    faulty_.reset();
    index_.reset();
  }
  void OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) override {
    absl::MutexLock lock(&mutex_);
    if (indexer_ != nullptr) indexer_->OnCommitted(events);
  }

  uint64_t Commit(absl::AnyInvocable<absl::Status(WriteTx&)> apply) {
    absl::Notification done;
    uint64_t position = 0;
    Draft draft;
    draft.apply = std::move(apply);
    store_->Commit(std::move(draft), [&](const absl::StatusOr<Committed>& committed) {
      EXPECT_TRUE(committed.ok()) << committed.status();
      if (committed.ok()) position = committed->position;
      done.Notify();
    });
    done.WaitForNotification();
    if (position != 0) position_ = position;
    return position;
  }
  v1::Message Message(const std::string& id, const std::string& text) {
    v1::Message message;
    message.set_id(id);
    message.set_channel_id("c");
    message.mutable_actor()->set_id("a");
    message.set_content(text);
    message.set_state(v1::MESSAGE_STATE_FINAL);
    message.set_seq(++seq_);
    message.set_revision(1);
    *message.mutable_created_at() = ToTimestamp(clock_.Now());
    return message;
  }
  // With its event, or only the row.
  void Say(const std::string& id, const std::string& text, bool tell = true) {
    const v1::Message message = Message(id, text);
    Commit([&](WriteTx& tx) -> absl::Status {
      HEIM_RETURN_IF_ERROR(tx.messages.Insert(message, workspace_, 1));
      if (!tell) return absl::OkStatus();
      v1::Event event;
      *event.mutable_message_new()->mutable_message() = message;
      return tx.Emit(workspace_, std::move(event)).status();
    });
  }
  void Change(const std::string& id, absl::FunctionRef<void(v1::Message*)> change) {
    Commit([&](WriteTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(v1::Message message, tx.messages.Get(MessageId(id)));
      change(&message);
      message.set_revision(message.revision() + 1);
      HEIM_RETURN_IF_ERROR(tx.messages.Update(message, 1));
      v1::Event event;
      *event.mutable_message_updated()->mutable_message() = message;
      return tx.Emit(workspace_, std::move(event)).status();
    });
  }

  // Ids found, newest first, once the index is where the log is.
  std::string Find(std::string_view text) {
    absl::Notification reached;
    for (int i = 0; progress_->PositionOf(workspace_) < position_ && i < 100'000; ++i) {
      clock_.Advance(absl::Milliseconds(1));
    }
    EXPECT_GE(progress_->PositionOf(workspace_), position_);
    return Now(text);
  }
  std::string Now(std::string_view text) {
    const std::vector<IndexChannel> channels = {{ChannelId("c"), 0}};
    const auto query = ParseSearchQuery(text);
    const auto answer = index_->Find({.workspace_id = workspace_,
                                      .query = *query,
                                      .channels = channels,
                                      .order = v1::SEARCH_ORDER_NEWEST,
                                      .after = std::nullopt,
                                      .newest = 0,
                                      .limit = 100});
    if (absl::IsUnavailable(answer.status())) return "none";  // it is being built anew
    EXPECT_TRUE(answer.ok()) << answer.status();
    std::vector<std::string> ids;
    for (const IndexHit& hit : answer->hits) ids.push_back(hit.id.str());
    return absl::StrJoin(ids, " ");
  }
  // Until it is found so; what no event tells of has no position.
  bool Becomes(std::string_view text, std::string_view ids) {
    const absl::Duration begin = real_.Monotonic();
    while (Now(text) != ids) {
      clock_.Advance(absl::Seconds(1));
      if (real_.Monotonic() - begin > kSoon) return false;
    }
    return true;
  }

  const WorkspaceId workspace_{"w"};
  SearchIndexerOptions options_;
  std::string directory_;
  ManualClock clock_;
  SystemClock real_;
  ManualTimers timers_{clock_};
  std::unique_ptr<SqliteStore> store_;
  std::unique_ptr<SqliteSearchIndex> index_;
  std::unique_ptr<FaultyIndex> faulty_;
  std::unique_ptr<SearchProgress> progress_;
  absl::Mutex mutex_;
  std::unique_ptr<SearchIndexer> indexer_ ABSL_GUARDED_BY(mutex_);
  uint64_t position_ = 0;
  uint64_t seq_ = 0;
};

TEST_F(SearchIndexerTest, NewEditedAndDeletedMessagesAreFollowed) {
  StartIndexer();
  Say("m1", "one word");
  Say("m2", "two words");
  EXPECT_EQ(Find("word"), "m1");
  Change("m1", [](v1::Message* message) { message->set_content("another"); });
  EXPECT_EQ(Find("word"), "");
  EXPECT_EQ(Find("another"), "m1");
  Change("m2", [this](v1::Message* message) {
    message->clear_content();
    *message->mutable_deleted_at() = ToTimestamp(clock_.Now());
  });
  EXPECT_EQ(Find("words"), "");
}

TEST_F(SearchIndexerTest, ANewIndexIsFilledFromTheRowsAndFollowsMeanwhile) {
  for (int i = 10; i < 30; ++i) Say(StrCat("m", i), "old");
  StartIndexer();
  Say("m99", "old and new");
  EXPECT_EQ(Find("new"), "m99");
  ASSERT_TRUE(Becomes("old -new",
                      "m29 m28 m27 m26 m25 m24 m23 m22 m21 m20 m19 m18 m17 m16 m15 m14 m13 m12 "
                      "m11 m10"));
  ASSERT_TRUE(Becomes("old new", "m99"));
  for (int i = 0; progress_->rebuilding() && i < 100'000; ++i) clock_.Advance(absl::Seconds(1));
  EXPECT_FALSE(progress_->rebuilding());
}

TEST_F(SearchIndexerTest, ItGoesOnWhereItStood) {
  StartIndexer();
  Say("m1", "word");
  EXPECT_EQ(Find("word"), "m1");
  StopIndexer();
  Say("m2", "word");
  StartIndexer();
  EXPECT_EQ(Find("word"), "m2 m1");
  EXPECT_EQ(faulty_->resets(), 0);
}

TEST_F(SearchIndexerTest, AFaultThatPassesIsTriedAgainAndADamagedIndexBuiltAnew) {
  StartIndexer();
  Say("m1", "word");
  EXPECT_EQ(Find("word"), "m1");
  faulty_->Fail(absl::UnavailableError("the disk is full"), 3);
  Say("m2", "word");
  EXPECT_EQ(Find("word"), "m2 m1");
  EXPECT_EQ(faulty_->resets(), 0);
  faulty_->Fail(absl::InternalError("malformed"), 1);
  Say("m3", "word");
  ASSERT_TRUE(Becomes("word", "m3 m2 m1"));
  EXPECT_EQ(faulty_->resets(), 1);
}

TEST_F(SearchIndexerTest, RowsThatCameWithoutEventsAreReadWhenTheLogHasANewEpoch) {
  StartIndexer();
  Say("m5", "word");
  EXPECT_EQ(Find("word"), "m5");
  clock_.Advance(absl::Milliseconds(1));
  Say("m1", "word", false);
  Commit([&](WriteTx& tx) { return tx.imports.RenewEpoch(workspace_, "e2"); });
  ASSERT_TRUE(Becomes("word", "m1 m5"));
  EXPECT_EQ(faulty_->resets(), 0);
}

TEST_F(SearchIndexerTest, AnIndexOfAnotherDatabaseIsThrownAway) {
  StartIndexer();
  Say("m1", "word");
  EXPECT_EQ(Find("word"), "m1");
  StopIndexer();
  Commit([&](WriteTx& tx) { return tx.imports.RenewEpoch(workspace_, "e2"); });
  StartIndexer();
  ASSERT_TRUE(Becomes("word", "m1"));
  for (int i = 0; faulty_->resets() == 0 && i < 100'000; ++i) clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(faulty_->resets(), 1);
}

}  // namespace
}  // namespace heim
