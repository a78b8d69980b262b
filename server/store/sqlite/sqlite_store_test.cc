// What is particular to SQLite: a disk that fails, a file in use, schemas, checkpoints, statements.
// What every store must do stands in server/store/store_suite.h.
#include "server/store/sqlite/sqlite_store.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/store/sqlite/faulty_vfs.h"

namespace heim {
namespace {

class CountingListener final : public CommitListener {
 public:
  void OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) override {
    count += events.size();
  }
  std::atomic<size_t> count{0};
};

class SqliteStoreTest : public ::testing::Test {
 protected:
  SqliteStoreTest() : directory_(StrCat(::testing::TempDir(), "/heim-sqlite-XXXXXX")) {
    SetLogLevel("error");
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    options_.path = StrCat(directory_, "/heim.db");
    options_.readers = 2;
  }
  ~SqliteStoreTest() override {
    FaultyVfs::Set(DiskFault::kNone);
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Open() {
    auto store = SqliteStore::Create(options_, clock_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    store_->SetCommitListener(&listener_);
  }

  absl::StatusOr<Committed> Commit(std::function<absl::Status(WriteTx&)> apply) {
    absl::Notification done;
    absl::StatusOr<Committed> outcome = absl::UnknownError("no outcome");
    Draft draft;
    draft.apply = std::move(apply);
    store_->Commit(std::move(draft), [&](absl::StatusOr<Committed> committed) {
      outcome = std::move(committed);
      done.Notify();
    });
    done.WaitForNotification();
    return outcome;
  }

  absl::Status MakeWorkspace() {
    return Commit([&](WriteTx& tx) {
             v1::Workspace workspace;
             workspace.set_id(workspace_.str());
             workspace.set_slug("acme");
             return tx.workspaces.Insert(workspace, "epoch");
           })
        .status();
  }

  absl::StatusOr<Committed> Emit() {
    return Commit([&](WriteTx& tx) {
      v1::Event event;
      event.mutable_channel_updated();
      return tx.Emit(workspace_, std::move(event)).status();
    });
  }

  std::string MetaOf(const char* key) {
    std::string value;
    EXPECT_TRUE(store_
                    ->Read([&](ReadTx& tx) -> absl::Status {
                      HEIM_ASSIGN_OR_RETURN(const auto found, tx.meta.Get(key));
                      value = found.value_or("");
                      return absl::OkStatus();
                    })
                    .ok());
    return value;
  }

  std::string directory_;
  SqliteStore::Options options_;
  ManualClock clock_;
  CountingListener listener_;
  const WorkspaceId workspace_{"w"};
  std::unique_ptr<SqliteStore> store_;
};

class SqliteFaultTest : public SqliteStoreTest, public ::testing::WithParamInterface<DiskFault> {};

TEST_P(SqliteFaultTest, AFailedCommitAnnouncesNothingAndTheStoreRecovers) {
  options_.vfs = FaultyVfs::Name();
  Open();
  ASSERT_TRUE(MakeWorkspace().ok());
  ASSERT_EQ(Emit()->position, 1u);
  ASSERT_EQ(listener_.count, 1u);

  FaultyVfs::Set(GetParam());
  for (int i = 0; i < 3; ++i) {
    const auto failed = Emit();
    EXPECT_EQ(ReasonOf(failed.status()), v1::ERROR_REASON_STORE_UNAVAILABLE) << failed.status();
  }
  EXPECT_EQ(listener_.count, 1u);
  EXPECT_EQ(MetaOf("nothing"), "") << "reads go on";

  FaultyVfs::Set(DiskFault::kNone);
  const auto after = Emit();
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->position, 2u);
  EXPECT_EQ(listener_.count, 2u);

  store_.reset();
  Open();
  EXPECT_EQ(Emit()->position, 3u);
}

INSTANTIATE_TEST_SUITE_P(Faults, SqliteFaultTest,
                         ::testing::Values(DiskFault::kFull, DiskFault::kSyncFails,
                                           DiskFault::kWriteFails));

TEST_F(SqliteStoreTest, AWholeBatchFailsTogether) {
  options_.vfs = FaultyVfs::Name();
  Open();
  absl::Notification entered;
  absl::Notification gate;
  std::atomic<int> failed{0};
  std::atomic<int> called{0};
  absl::Notification all;
  const auto commit = [&](std::function<absl::Status(WriteTx&)> apply) {
    Draft draft;
    draft.apply = std::move(apply);
    store_->Commit(std::move(draft), [&](absl::StatusOr<Committed> outcome) {
      if (!outcome.ok()) ++failed;
      if (++called == 11) all.Notify();
    });
  };
  // Holds the writer, so that the ten behind it become one batch.
  commit([&](WriteTx&) {
    entered.Notify();
    gate.WaitForNotification();
    FaultyVfs::Set(DiskFault::kFull);
    return absl::OkStatus();
  });
  entered.WaitForNotification();
  for (int i = 0; i < 10; ++i) {
    commit([i](WriteTx& tx) { return tx.meta.Set(StrCat("key", i), "x"); });
  }
  gate.Notify();
  all.WaitForNotification();
  EXPECT_EQ(failed, 10);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(MetaOf(StrCat("key", i).c_str()), "");
}

TEST_F(SqliteStoreTest, AFullQueueRefusesAtOnce) {
  options_.max_queue = 2;
  Open();
  absl::Notification gate;
  absl::Notification entered;
  const auto commit = [&](std::function<absl::Status(WriteTx&)> apply) {
    auto outcome = std::make_shared<absl::StatusOr<Committed>>(absl::UnknownError("waits"));
    Draft draft;
    draft.apply = std::move(apply);
    store_->Commit(std::move(draft),
                   [outcome](absl::StatusOr<Committed> committed) { *outcome = committed; });
    return outcome;
  };
  commit([&](WriteTx&) {
    entered.Notify();
    gate.WaitForNotification();
    return absl::OkStatus();
  });
  entered.WaitForNotification();
  const auto nothing = [](WriteTx&) { return absl::OkStatus(); };
  commit(nothing);
  commit(nothing);
  EXPECT_EQ(ReasonOf(commit(nothing)->status()), v1::ERROR_REASON_STORE_UNAVAILABLE);
  gate.Notify();
  store_->Stop();
}

TEST_F(SqliteStoreTest, ASecondServerOnTheFileFailsAtStart) {
  Open();
  const auto second = SqliteStore::Create(options_, clock_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(ToStd(second.status().message()).find("another server"), std::string_view::npos);
  store_.reset();
  Open();
}

TEST_F(SqliteStoreTest, ANewerSchemaIsRefused) {
  Open();
  store_.reset();
  {
    auto connection = SqliteConnection::Open(options_.path, SqliteConnection::Mode::kWriter);
    ASSERT_TRUE((*connection)
                    ->Execute("INSERT INTO schema_versions (version, name) VALUES (9999, 'x')", {})
                    .ok());
  }
  const auto store = SqliteStore::Create(options_, clock_);
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(ToStd(store.status().message()).find("9999"), std::string_view::npos);
}

TEST_F(SqliteStoreTest, AFileThatIsNoDatabaseIsRefused) {
  FILE* const file = fopen(options_.path.c_str(), "w");
  fputs("This is not a database, however long the text may be that stands here instead of one.",
        file);
  fclose(file);
  EXPECT_FALSE(SqliteStore::Create(options_, clock_).ok());
}

TEST_F(SqliteStoreTest, TheFilesAreForTheServerAlone) {
  Open();
  ASSERT_TRUE(Commit([](WriteTx& tx) { return tx.meta.Set("a", "b"); }).ok());
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    struct stat facts;
    ASSERT_EQ(stat(entry.path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0077, 0u) << entry.path();
  }
}

TEST_F(SqliteStoreTest, AReadWithoutFreeConnectionFailsInTime) {
  options_.readers = 1;
  options_.longest_read_wait = absl::Milliseconds(20);
  Open();
  const absl::Status outer = store_->Read([&](ReadTx&) {
    const absl::Status inner = store_->Read([](ReadTx&) { return absl::OkStatus(); });
    EXPECT_EQ(ReasonOf(inner), v1::ERROR_REASON_STORE_UNAVAILABLE);
    return absl::OkStatus();
  });
  EXPECT_TRUE(outer.ok());
}

TEST_F(SqliteStoreTest, ReadsCannotWrite) {
  Open();
  const absl::Status status = store_->Read([](ReadTx& tx) { return tx.meta.Set("a", "b"); });
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(MetaOf("a"), "");
}

TEST_F(SqliteStoreTest, TheLogDoesNotGrowWithoutEnd) {
  Open();
  const std::string big(512 * 1024, 'x');
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(Commit([&](WriteTx& tx) { return tx.meta.Set(StrCat("k", i % 4), big); }).ok());
  }
  EXPECT_LT(std::filesystem::file_size(StrCat(options_.path, "-wal")), 80u << 20)
      << "of 100 MiB written";
  store_->Stop();
}

TEST_F(SqliteStoreTest, AContinuationMayCommit) {
  Open();
  absl::Notification done;
  Draft first;
  first.apply = [](WriteTx& tx) { return tx.meta.Set("first", "x"); };
  store_->Commit(std::move(first), [&](absl::StatusOr<Committed>) {
    Draft second;
    second.apply = [](WriteTx& tx) { return tx.meta.Set("second", "x"); };
    store_->Commit(std::move(second), [&](absl::StatusOr<Committed> outcome) {
      EXPECT_TRUE(outcome.ok());
      done.Notify();
    });
  });
  done.WaitForNotification();
  EXPECT_EQ(MetaOf("second"), "x");
}

class SqliteConnectionTest : public SqliteStoreTest {
 protected:
  SqliteConnectionTest() {
    fclose(fopen(options_.path.c_str(), "w"));
    connection_ = *SqliteConnection::Open(options_.path, SqliteConnection::Mode::kWriter);
    Run("CREATE TABLE t (a TEXT PRIMARY KEY, b BLOB)");
  }
  void Run(std::string_view sql, absl::Span<const SqlValue> parameters = {}) {
    const auto changed = connection_->Execute(sql, parameters);
    ASSERT_TRUE(changed.ok()) << changed.status();
  }
  std::unique_ptr<SqliteConnection> connection_;
};

TEST_F(SqliteConnectionTest, ParametersAreBoundByTheirNumberNotTheirOrder) {
  std::string first;
  std::string second;
  ASSERT_TRUE(connection_
                  ->Query("SELECT $2, $1, $2", {SqlValue("one"), SqlValue("two")},
                          [&](const SqlRow& row) {
                            first = row.Text(0);
                            second = row.Text(1);
                            EXPECT_EQ(row.Text(2), "two");
                            return absl::OkStatus();
                          })
                  .ok());
  EXPECT_EQ(first, "two");
  EXPECT_EQ(second, "one");
}

TEST_F(SqliteConnectionTest, EmptyIsNotNull) {
  Run("INSERT INTO t (a, b) VALUES ($1, $2)", {SqlValue(std::string_view()), SqlValue(Bytes{})});
  Run("INSERT INTO t (a, b) VALUES ($1, $2)", {SqlValue("null"), SqlValue(nullptr)});
  int rows = 0;
  ASSERT_TRUE(connection_
                  ->Query("SELECT a, b FROM t ORDER BY a", {},
                          [&](const SqlRow& row) {
                            EXPECT_FALSE(row.IsNull(0));
                            EXPECT_EQ(row.IsNull(1), rows++ == 1);
                            return absl::OkStatus();
                          })
                  .ok());
  EXPECT_EQ(rows, 2);
}

TEST_F(SqliteConnectionTest, UniqueViolationsSaySo) {
  Run("INSERT INTO t (a) VALUES ('x')");
  const absl::Status status = connection_->Execute("INSERT INTO t (a) VALUES ('x')", {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_NE(ToStd(status.message()).find("t.a"), std::string_view::npos);
}

TEST_F(SqliteConnectionTest, AStatementMayRunInsideItsOwnRows) {
  Run("INSERT INTO t (a) VALUES ('x'), ('y')");
  constexpr char kSql[] = "SELECT a FROM t";
  int inner = 0;
  ASSERT_TRUE(connection_
                  ->Query(kSql, {},
                          [&](const SqlRow&) {
                            return connection_->Query(kSql, {}, [&](const SqlRow&) {
                              ++inner;
                              return absl::OkStatus();
                            });
                          })
                  .ok());
  EXPECT_EQ(inner, 4);
}

}  // namespace
}  // namespace heim
