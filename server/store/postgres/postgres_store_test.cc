// What is particular to PostgreSQL: a server that goes and comes back, a commit whose answer is
// lost, a database in use, schemas, types. What every store must do stands in
// server/store/store_suite.h.
#include "server/store/postgres/postgres_store.h"

#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/store/postgres/libpq.h"
#include "server/store/postgres/test_cluster.h"

namespace heim {
namespace {

class CountingListener final : public CommitListener {
 public:
  void OnCommitted(const std::vector<std::shared_ptr<const CommittedEvent>>& events) override {
    count += events.size();
  }
  std::atomic<size_t> count{0};
};

class PostgresStoreTest : public ::testing::Test {
 protected:
  PostgresStoreTest() {
    SetLogLevel("error");
    options_.address = *ParsePostgresUrl(cluster_.UrlOf(cluster_.NewSchema()));
    options_.readers = 2;
  }

  void Open() {
    auto store = PostgresStore::Create(options_, clock_);
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

  void MakeWorkspace() {
    const auto made = Commit([&](WriteTx& tx) {
      v1::Workspace workspace;
      workspace.set_id(workspace_.str());
      workspace.set_slug("acme");
      return tx.workspaces.Insert(workspace, "epoch");
    });
    ASSERT_TRUE(made.ok()) << made.status();
  }

  absl::StatusOr<Committed> Emit() {
    return Commit([&](WriteTx& tx) {
      v1::Event event;
      event.mutable_channel_updated();
      return tx.Emit(workspace_, std::move(event)).status();
    });
  }

  absl::StatusOr<std::string> MetaOf(const std::string& key) {
    std::string value;
    HEIM_RETURN_IF_ERROR(store_->Read([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(const auto found, tx.meta.Get(key));
      value = found.value_or("");
      return absl::OkStatus();
    }));
    return value;
  }

  // A connection beside the store's, as an administrator would have it.
  std::unique_ptr<PostgresConnection> Beside() {
    return *PostgresConnection::Open(options_.address);
  }
  // Ends the store's sessions on the server.
  void EndSessions() {
    ASSERT_TRUE(Beside()
                    ->Run("SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity "
                          "WHERE pid <> pg_backend_pid() AND application_name = 'heim'")
                    .ok());
  }

  TestCluster& cluster_ = TestCluster::Shared();
  PostgresStore::Options options_;
  ManualClock clock_;
  CountingListener listener_;
  const WorkspaceId workspace_{"w"};
  std::unique_ptr<PostgresStore> store_;
};

TEST_F(PostgresStoreTest, ARestartOfTheDatabaseBetweenCommitsIsNotNoticed) {
  Open();
  MakeWorkspace();
  ASSERT_EQ(Emit()->position, 1u);
  cluster_.Stop("fast");
  cluster_.Start();
  EXPECT_EQ(MetaOf("nothing").value_or("an error"), "");
  const auto after = Emit();
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->position, 2u);
  EXPECT_EQ(listener_.count, 2u);
}

TEST_F(PostgresStoreTest, WithoutDatabaseNothingIsAnnouncedAndTheStoreRecovers) {
  options_.reconnects = 2;
  Open();
  MakeWorkspace();
  ASSERT_TRUE(Emit().ok());
  cluster_.Stop("immediate");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ReasonOf(Emit().status()), v1::ERROR_REASON_STORE_UNAVAILABLE);
    EXPECT_EQ(ReasonOf(MetaOf("x").status()), v1::ERROR_REASON_STORE_UNAVAILABLE);
  }
  EXPECT_EQ(listener_.count, 1u);
  cluster_.Start();
  EXPECT_TRUE(MetaOf("x").ok());
  EXPECT_EQ(Emit()->position, 2u);
}

TEST_F(PostgresStoreTest, ASessionLostInsideADraftIsRunAgain) {
  Open();
  MakeWorkspace();
  int runs = 0;
  const auto committed = Commit([&](WriteTx& tx) -> absl::Status {
    ++runs;
    v1::Event event;
    event.mutable_channel_updated();
    HEIM_RETURN_IF_ERROR(tx.Emit(workspace_, event));
    if (runs == 1) EndSessions();
    return tx.meta.Set("colour", "red");
  });
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(committed->position, 1u);
  EXPECT_EQ(listener_.count, 1u);
  EXPECT_EQ(MetaOf("colour").value_or(""), "red");
}

// The session ends after the draft's last statement, so that the COMMIT finds it gone.
TEST_F(PostgresStoreTest, ACommitThatDidNotReachTheDatabaseIsRunAgain) {
  Open();
  MakeWorkspace();
  int runs = 0;
  const auto committed = Commit([&](WriteTx& tx) -> absl::Status {
    v1::Event event;
    event.mutable_channel_updated();
    HEIM_RETURN_IF_ERROR(tx.Emit(workspace_, event));
    if (++runs == 1) EndSessions();
    return absl::OkStatus();
  });
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(committed->position, 1u);
  EXPECT_EQ(listener_.count, 1u);
}

// A COMMIT that waits for a standby that is not there has taken place, and nobody is told.
TEST_F(PostgresStoreTest, ACommitWhoseAnswerIsLostCountsOnce) {
  Open();
  MakeWorkspace();
  const auto beside = Beside();
  const auto run = [&](const char* sql) {
    const auto answer = beside->Run(sql);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.value_or("");
  };
  run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  run("SELECT pg_reload_conf()");
  while (run("SHOW synchronous_standby_names") != "nobody") std::this_thread::yield();
  int runs = 0;
  std::thread ends([&] {
  // The database's own workers wait like that too, when they commit something meanwhile.
#define HEIM_WAITING \
  "pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'"
    while (run("SELECT count(*) FROM " HEIM_WAITING) != "1") std::this_thread::yield();
    run("SELECT pg_terminate_backend(pid, 10000) FROM " HEIM_WAITING);
#undef HEIM_WAITING
    run("ALTER SYSTEM RESET synchronous_standby_names");
    run("SELECT pg_reload_conf()");
  });
  const auto committed = Commit([&](WriteTx& tx) -> absl::Status {
    ++runs;
    v1::Event event;
    event.mutable_channel_updated();
    return tx.Emit(workspace_, event).status();
  });
  ends.join();
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(committed->position, 1u);
  EXPECT_EQ(listener_.count, 1u);
  EXPECT_EQ(Emit()->position, 2u);
}

TEST_F(PostgresStoreTest, RestartsUnderLoadLoseNothingAcknowledgedAndDoubleNothing) {
  Open();
  MakeWorkspace();
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> acknowledged{0};
  std::vector<std::thread> producers;
  for (int p = 0; p < 4; ++p) {
    producers.emplace_back([&] {
      while (!stop) {
        if (Emit().ok()) ++acknowledged;
      }
    });
  }
  for (const char* mode : {"fast", "immediate", "fast"}) {
    const uint64_t before = acknowledged;
    while (acknowledged < before + 50) std::this_thread::yield();
    cluster_.Stop(mode);
    cluster_.Start();
  }
  const uint64_t before = acknowledged;
  while (acknowledged < before + 50) std::this_thread::yield();
  stop = true;
  for (std::thread& producer : producers) producer.join();
  const uint64_t last = Emit()->position;
  EXPECT_EQ(last, acknowledged + 1);
  EXPECT_EQ(listener_.count, last);
}

TEST_F(PostgresStoreTest, ADraftGoesOnAfterAnInsertThatFailedAlsoBetweenOthers) {
  Open();
  MakeWorkspace();
  absl::Notification entered;
  absl::Notification gate;
  std::atomic<int> ok{0};
  std::atomic<int> called{0};
  absl::Notification all;
  const auto commit = [&](std::function<absl::Status(WriteTx&)> apply) {
    Draft draft;
    draft.apply = std::move(apply);
    store_->Commit(std::move(draft), [&](absl::StatusOr<Committed> outcome) {
      if (outcome.ok()) ++ok;
      if (++called == 4) all.Notify();
    });
  };
  // Holds the writer, so that the three behind it become one batch.
  commit([&](WriteTx&) {
    if (!entered.HasBeenNotified()) entered.Notify();
    gate.WaitForNotification();
    return absl::OkStatus();
  });
  entered.WaitForNotification();
  commit([](WriteTx& tx) { return tx.meta.Set("first", "x"); });
  commit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.meta.Set("second", "x"));
    v1::Workspace again;
    again.set_id("other");
    again.set_slug("acme");
    EXPECT_EQ(ReasonOf(tx.workspaces.Insert(again, "epoch")), v1::ERROR_REASON_SLUG_TAKEN);
    again.set_slug("acme-2");
    return tx.workspaces.Insert(again, "epoch");
  });
  commit([](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.meta.Set("third", "x"));
    return MessageNotFound();
  });
  gate.Notify();
  all.WaitForNotification();
  EXPECT_EQ(ok, 3);
  EXPECT_EQ(MetaOf("first").value_or(""), "x");
  EXPECT_EQ(MetaOf("second").value_or(""), "x");
  EXPECT_EQ(MetaOf("third").value_or("error"), "");
}

TEST_F(PostgresStoreTest, ASecondServerOnTheDatabaseFailsAtStart) {
  Open();
  const auto second = PostgresStore::Create(options_, clock_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(ToStd(second.status().message()).find("another server"), std::string_view::npos);
  store_.reset();
  Open();
}

TEST_F(PostgresStoreTest, ANewerSchemaIsRefused) {
  Open();
  store_.reset();
  ASSERT_TRUE(Beside()->Run("INSERT INTO schema_versions (version, name) VALUES (9999, 'x')").ok());
  const auto store = PostgresStore::Create(options_, clock_);
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(ToStd(store.status().message()).find("9999"), std::string_view::npos);
}

TEST_F(PostgresStoreTest, ADatabaseOfAnotherEncodingIsRefused) {
  ASSERT_TRUE(Beside()
                  ->Run("CREATE DATABASE latin ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER "
                        "libc TEMPLATE template0")
                  .ok());
  std::string& conninfo = options_.address.conninfo;
  const std::string from = "dbname='postgres'";
  conninfo.replace(conninfo.find(from), from.size(), "dbname='latin'");
  const std::string schema = "options='";
  conninfo.replace(conninfo.find(schema),
                   conninfo.find("' ", conninfo.find(schema)) - conninfo.find(schema) + 2, "");
  const auto store = PostgresStore::Create(options_, clock_);
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition) << store.status();
  EXPECT_NE(ToStd(store.status().message()).find("UTF8"), std::string_view::npos);
}

TEST_F(PostgresStoreTest, AnUnreachableServerIsNamedWithoutThePassword) {
  options_.address = *ParsePostgresUrl("postgres://ada:s3cret@127.0.0.1:1/chat");
  const auto store = PostgresStore::Create(options_, clock_);
  EXPECT_EQ(store.status().code(), absl::StatusCode::kUnavailable);
  const std::string_view message = ToStd(store.status().message());
  EXPECT_NE(message.find("ada@127.0.0.1:1/chat"), std::string_view::npos) << message;
  EXPECT_EQ(message.find("s3cret"), std::string_view::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string_view::npos) << message;
}

TEST_F(PostgresStoreTest, ReadsCannotWrite) {
  Open();
  EXPECT_FALSE(store_->Read([](ReadTx& tx) { return tx.meta.Set("a", "b"); }).ok());
  EXPECT_EQ(MetaOf("a").value_or("error"), "");
}

TEST_F(PostgresStoreTest, AReadWithoutFreeConnectionFailsInTime) {
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

TEST(PostgresLibraryTest, AMissingLibraryIsNamed) {
  const absl::Status status = internal::LoadLibpqFrom("libpq-that-is-not.so.5");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(ToStd(status.message()).find("install libpq5"), std::string_view::npos) << status;
}

class PostgresConnectionTest : public PostgresStoreTest {
 protected:
  PostgresConnectionTest() : connection_(Beside()) {
    Run("CREATE TABLE t (a TEXT COLLATE \"C\" PRIMARY KEY, b BYTEA, c BIGINT)");
  }
  void Run(std::string_view sql, absl::Span<const SqlValue> parameters = {}) {
    const auto changed = connection_->Execute(sql, parameters);
    ASSERT_TRUE(changed.ok()) << changed.status();
  }
  const std::unique_ptr<PostgresConnection> connection_;
};

TEST_F(PostgresConnectionTest, EveryByteComesBack) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  const std::string text = "a'b\"c\\d\n\xc3\xa4\xf0\x9f\x98\x80$1";
  Run("INSERT INTO t (a, b, c) VALUES ($1, $2, $3)",
      {SqlValue(std::string_view(text)), SqlValue(Bytes{bytes}), SqlValue(INT64_MIN)});
  int rows = 0;
  ASSERT_TRUE(connection_
                  ->Query("SELECT a, b, c, c = c, 0.5 FROM t WHERE b = $1 AND c < $2",
                          {SqlValue(Bytes{bytes}), SqlValue(INT64_MAX)},
                          [&](const SqlRow& row) {
                            ++rows;
                            EXPECT_EQ(row.Text(0), text);
                            EXPECT_EQ(row.Blob(1), bytes);
                            EXPECT_EQ(row.Int(2), INT64_MIN);
                            EXPECT_EQ(row.Int(3), 1);
                            EXPECT_EQ(row.Real(4), 0.5);
                            return absl::OkStatus();
                          })
                  .ok());
  EXPECT_EQ(rows, 1);
}

TEST_F(PostgresConnectionTest, EmptyIsNotNull) {
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

TEST_F(PostgresConnectionTest, UniqueViolationsNameTheConstraintAndNothingOfTheRow) {
  Run("INSERT INTO t (a) VALUES ('secret')");
  const absl::Status status =
      connection_->Execute("INSERT INTO t (a) VALUES ('secret')", {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_NE(ToStd(status.message()).find("t_pkey"), std::string_view::npos);
  EXPECT_EQ(ToStd(status.message()).find("secret"), std::string_view::npos);
}

TEST_F(PostgresConnectionTest, ANumberNextToASmallOneMayBeLarge) {
  int64_t sum = 0;
  ASSERT_TRUE(connection_
                  ->Query("SELECT $1 + 1 WHERE $1 > 0", {SqlValue(int64_t{1} << 50)},
                          [&](const SqlRow& row) {
                            sum = row.Int(0);
                            return absl::OkStatus();
                          })
                  .ok());
  EXPECT_EQ(sum, (int64_t{1} << 50) + 1);
}

TEST_F(PostgresConnectionTest, ATextWithAZeroIsRefusedAndNotCut) {
  const std::string_view text("a\0b", 3);
  EXPECT_FALSE(connection_->Execute("INSERT INTO t (a) VALUES ($1)", {SqlValue(text)}).ok());
}

TEST_F(PostgresConnectionTest, AStatementMayRunInsideItsOwnRows) {
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
