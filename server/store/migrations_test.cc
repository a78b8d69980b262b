// Migrations: forward, each whole or not at all, never onto a newer schema. On a SQLite file.
#include "server/store/migrations/migrations.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "gtest/gtest.h"
#include "server/base/log.h"
#include "server/base/strings.h"
#include "server/store/sqlite/connection.h"

namespace heim {
namespace {

constexpr SqlDialect kDialect = {"TEXT", "BLOB", " WITHOUT ROWID", "sqlite"};
constexpr Migration kFirst = {1, "0001_first", "CREATE TABLE a (x {{text}} PRIMARY KEY);"};
constexpr Migration kSecond = {2, "0002_second",
                               "CREATE TABLE b (x {{blob}});\nINSERT INTO a VALUES ('two');"};
constexpr Migration kBroken = {2, "0002_broken",
                               "CREATE TABLE c (x {{blob}});\nINSERT INTO nowhere VALUES (1);"};

class MigrationsTest : public ::testing::Test {
 protected:
  MigrationsTest() : directory_(StrCat(::testing::TempDir(), "/heim-migrate-XXXXXX")) {
    SetLogLevel("warn");
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    const std::string path = StrCat(directory_, "/x.db");
    fclose(fopen(path.c_str(), "w"));
    connection_ = *SqliteConnection::Open(path, SqliteConnection::Mode::kWriter);
  }
  ~MigrationsTest() override {
    connection_.reset();
    std::filesystem::remove_all(directory_);
  }
  absl::Status Run(std::vector<Migration> migrations) {
    return Migrate(*connection_, kDialect, migrations);
  }
  bool Exists(std::string_view table) {
    return connection_->Execute(StrCat("SELECT * FROM ", table), {}).ok();
  }

  std::string directory_;
  std::unique_ptr<SqliteConnection> connection_;
};

TEST_F(MigrationsTest, WhatIsCompiledInIsNumberedFromOneWithoutGaps) {
  int64_t version = 0;
  for (const Migration& migration : AllMigrations()) EXPECT_EQ(migration.version, ++version);
  EXPECT_GE(version, 1);
}

TEST_F(MigrationsTest, EachRunsOnce) {
  ASSERT_TRUE(Run({kFirst}).ok());
  EXPECT_FALSE(Exists("b"));
  ASSERT_TRUE(Run({kFirst, kSecond}).ok());
  EXPECT_TRUE(Exists("b"));
  EXPECT_TRUE(Run({kFirst, kSecond}).ok());
}

TEST_F(MigrationsTest, ABrokenOneIsUndoneAndNamed) {
  const absl::Status status = Run({kFirst, kBroken});
  EXPECT_NE(ToStd(status.message()).find("0002_broken"), std::string_view::npos) << status;
  EXPECT_TRUE(Exists("a"));
  EXPECT_FALSE(Exists("c"));
  EXPECT_TRUE(Run({kFirst, kSecond}).ok()) << "and can be mended";
}

TEST_F(MigrationsTest, ANewerSchemaIsRefused) {
  ASSERT_TRUE(Run({kFirst, kSecond}).ok());
  EXPECT_EQ(Run({kFirst}).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(MigrationsTest, WordsAreReplacedAndCommentsDropped) {
  const auto statements = MigrationStatements(
      "-- a; comment\nCREATE TABLE a (x {{blob}}){{without_rowid}};\n\nSELECT 1;\n", kDialect);
  ASSERT_TRUE(statements.ok());
  const std::vector<std::string> expected = {"CREATE TABLE a (x BLOB) WITHOUT ROWID", "SELECT 1"};
  EXPECT_EQ(*statements, expected);
  EXPECT_FALSE(MigrationStatements("CREATE {{what}}", kDialect).ok());
}

TEST_F(MigrationsTest, AStatementForAnotherDatabaseIsLeftOut) {
  const auto statements = MigrationStatements(
      "{{postgres}} SELECT 1;\n{{sqlite}} BEGIN x{{semicolon}} END;\nSELECT 2;", kDialect);
  ASSERT_TRUE(statements.ok());
  const std::vector<std::string> expected = {"BEGIN x; END", "SELECT 2"};
  EXPECT_EQ(*statements, expected);
}

}  // namespace
}  // namespace heim
