// Deleting a workspace: no table with rows of workspaces is forgotten, and the steps leave nothing.
// Through the Store interface, for every driver.
#include <set>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/store/migrations/migrations.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

// What has rows of a workspace that are not deleted, and why.
const std::set<std::string> kKept = {
    "channels",             // purged, with all that was in them
    "channel_purges",       // the purges themselves
    "workspace_log",        // where its readers stand; it has no events
    "job_cursors",          // the same
    "audit_entries",        // nothing is ever taken out of the audit log
    "audit_heads",          // the same
    "erasures",             // of actors, by ids
    "workspace_deletions",  // the deletion itself
};

TEST(WorkspaceDeletionsTest, NoTableIsForgotten) {
  int tables = 0;
  for (const Migration& migration : AllMigrations()) {
    const auto statements = MigrationStatements(migration.sql, {"TEXT", "BLOB", ""});
    ASSERT_TRUE(statements.ok());
    for (const std::string& sql : *statements) {
      constexpr std::string_view kCreate = "CREATE TABLE ";
      if (!StartsWith(sql, kCreate)) continue;
      const size_t from = kCreate.size();
      const std::string table = sql.substr(from, sql.find(' ', from) - from);
      if (sql.find(" workspace_id ") == std::string::npos || kKept.count(table) > 0) continue;
      ++tables;
      EXPECT_TRUE(WorkspaceDeletions::Erases(table))
          << table << " of " << migration.name
          << ": say in server/store/workspace_deletions.cc how a deletion erases it";
    }
  }
  EXPECT_GT(tables, 15);
}

TEST_P(StoreSuite, ADeletedWorkspaceIsNobodysAndEmptyInTheEnd) {
  MustPost(NewMessage(ann_, "said"));
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const int64_t before, tx.workspace_deletions.CountWorkspaces());
    HEIM_RETURN_IF_ERROR(tx.workspace_deletions.Begin(workspace_));
    HEIM_ASSIGN_OR_RETURN(const int64_t after, tx.workspace_deletions.CountWorkspaces());
    EXPECT_EQ(after, before - 1);
    EXPECT_EQ(ReasonOf(tx.workspaces.GetMember(workspace_, ann_).status()),
              v1::ERROR_REASON_MEMBER_NOT_FOUND);
    HEIM_ASSIGN_OR_RETURN(auto next, tx.workspace_deletions.Next());
    EXPECT_EQ(next->workspace_id, workspace_);
    next->stage = WorkspaceDeletion::Stage::kLog;
    HEIM_RETURN_IF_ERROR(tx.workspace_deletions.SetStage(*next));
    EXPECT_TRUE(*tx.workspace_deletions.EraseRows(workspace_));
    EXPECT_TRUE(*tx.workspace_deletions.EraseLog(workspace_));
    HEIM_ASSIGN_OR_RETURN(next, tx.workspace_deletions.Next());
    EXPECT_FALSE(next.has_value());
    HEIM_ASSIGN_OR_RETURN(const auto entries, tx.log.Read(workspace_, 0, 100, 1 << 20));
    EXPECT_TRUE(entries.empty());
    HEIM_ASSIGN_OR_RETURN(const LogHead head, tx.log.Head(workspace_));
    EXPECT_GT(head.position, 0u);
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
