// Files that were uploaded before there were quotas, kinds and previews: the migration leaves them
// to the work that looks at each. On a SQLite file with the schema of then.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "gtest/gtest.h"
#include "server/base/log.h"
#include "server/base/strings.h"
#include "server/model/people_limits.h"
#include "server/model/time.h"
#include "server/store/files.h"
#include "server/store/migrations/migrations.h"
#include "server/store/sqlite/connection.h"

namespace heim {
namespace {

constexpr SqlDialect kDialect = {"TEXT", "BLOB", " WITHOUT ROWID"};

class FilesOfBeforeTest : public ::testing::Test {
 protected:
  FilesOfBeforeTest() : directory_(StrCat(::testing::TempDir(), "/heim-before-XXXXXX")) {
    SetLogLevel("warn");
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    const std::string path = StrCat(directory_, "/x.db");
    fclose(fopen(path.c_str(), "w"));
    connection_ = *SqliteConnection::Open(path, SqliteConnection::Mode::kWriter);
  }
  ~FilesOfBeforeTest() override {
    connection_.reset();
    std::filesystem::remove_all(directory_);
  }
  void Insert(const std::string& id, const std::string& type, int64_t bytes) {
    v1::File file;
    file.set_id(id);
    file.set_actor_id("ann");
    file.set_mime_type(type);
    file.set_size_bytes(bytes);
    *file.mutable_created_at() = ToTimestamp(absl::FromUnixSeconds(1000));
    const std::string body = file.SerializeAsString();
    const auto done = connection_->Execute(
        "INSERT INTO files (id, workspace_id, actor_id, blob_key, body) VALUES ($1, $2, $3, $4, "
        "$5)",
        {std::string_view(id), std::string_view("w"), std::string_view("ann"), std::string_view(id),
         Bytes{body}});
    ASSERT_TRUE(done.ok()) << done.status();
  }

  std::string directory_;
  std::unique_ptr<SqliteConnection> connection_;
};

TEST_F(FilesOfBeforeTest, AreCountedAndSweptOnceTheyWereLookedAt) {
  std::vector<Migration> before(AllMigrations().begin(), AllMigrations().begin() + 8);
  ASSERT_TRUE(Migrate(*connection_, kDialect, before).ok());
  const char kWorkspace[] =
      "INSERT INTO workspaces (id, name, slug, owner_id, created_at, revision) "
      "VALUES ('w', 'w', 'w', 'ann', 0, 1)";
  ASSERT_TRUE(connection_->Execute(kWorkspace, {}).ok());
  Insert("a1", "image/png", 7);
  Insert("a2", "text/plain", 30);
  ASSERT_TRUE(connection_
                  ->Execute("INSERT INTO file_links (file_id, message_id, channel_id) "
                            "VALUES ('a1', 'm', 'c')",
                            {})
                  .ok());
  ASSERT_TRUE(Migrate(*connection_, kDialect, AllMigrations()).ok());

  Files files(*connection_);
  EXPECT_EQ(files.Usage(WorkspaceId("w"), ActorId("ann"))->bytes, 0);
  EXPECT_FALSE(files.NextSweep()->has_value());
  for (int i = 0; i < 2; ++i) {
    const auto next = files.NextUnlooked();
    ASSERT_TRUE(next.ok() && next->has_value());
    EXPECT_FALSE((*next)->counted);
    EXPECT_TRUE(*files.FinishPreview((*next)->row));
  }
  EXPECT_FALSE(files.NextUnlooked()->has_value());
  EXPECT_EQ(files.Usage(WorkspaceId("w"), ActorId("ann"))->bytes, 37);
  EXPECT_EQ(files.Usage(WorkspaceId("w"), ActorId())->files, 2);
  FilePage images;
  images.actor = "ann";
  images.kind = v1::FILE_KIND_IMAGE;
  EXPECT_EQ(files.ListUploads(WorkspaceId("w"), images)->size(), 1u);
  const absl::Time due = absl::FromUnixSeconds(1000) + kUnlinkedFileKept;
  EXPECT_EQ(files.NextSweep()->value(), due);
  EXPECT_EQ(*files.SweepUnlinked(due, due + absl::Hours(1), 10), 1u);
  EXPECT_FALSE(files.Get(FileId("a2")).ok());
  EXPECT_TRUE(files.Get(FileId("a1")).ok());
}

}  // namespace
}  // namespace heim
