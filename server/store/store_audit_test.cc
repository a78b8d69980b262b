// The audit log's rows: numbers, chain, filters, erasure. Through the Store interface, for every
// driver.
#include <limits>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

constexpr uint64_t kPastAll = std::numeric_limits<int64_t>::max();
constexpr auto kOldest = AuditEntries::Order::kOldestFirst;
constexpr auto kNewest = AuditEntries::Order::kNewestFirst;

AuditRow NewEntry(std::string action, const ActorId& actor, absl::Time at) {
  AuditRow row;
  row.action = std::move(action);
  row.actor_id = actor;
  row.subject_kind = "channel";
  row.subject_id = actor.str();
  row.at = at;
  v1::AuditEntry origin;
  origin.set_address("192.0.2.7");
  row.origin = SaltedAuditPart(std::string(32, 's'), origin);
  row.changes = SaltedAuditPart(std::string(32, 't'), v1::AuditEntry());
  return row;
}

std::vector<AuditRow> All(ReadTx& tx, const WorkspaceId& workspace, const AuditQuery& query = {}) {
  auto rows = tx.audit.List(workspace, query, kOldest, 0, kPastAll, 100);
  EXPECT_TRUE(rows.ok()) << rows.status();
  return rows.ok() ? *rows : std::vector<AuditRow>();
}

// Whether numbers are dense and every hash follows from the one before.
bool Holds(const WorkspaceId& workspace, const std::vector<AuditRow>& rows) {
  std::string previous;
  uint64_t expected = 0;
  for (const AuditRow& row : rows) {
    if (row.sequence != ++expected || !AuditPartsHold(row)) return false;
    if (row.hash != AuditHash(previous, workspace, row)) return false;
    previous = row.hash;
  }
  return true;
}

TEST_P(StoreSuite, AuditEntriesAreNumberedAndChainedForEachWorkspace) {
  const WorkspaceId other("another");
  const absl::Time at = absl::FromUnixSeconds(1'800'000'000);
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (const WorkspaceId& workspace : {workspace_, other, workspace_}) {
      HEIM_RETURN_IF_ERROR(tx.audit.Append(workspace, NewEntry("a.b", ann_, at)).status());
    }
    return absl::OkStatus();
  });
  EXPECT_FALSE(Commit([&](WriteTx& tx) -> absl::Status {
                 HEIM_RETURN_IF_ERROR(
                     tx.audit.Append(workspace_, NewEntry("a.lost", ann_, at)).status());
                 return absl::AbortedError("a draft that fails");
               }).ok());
  MustCommit([&](WriteTx& tx) {
    return tx.audit.Append(workspace_, NewEntry("a.c", ann_, at - absl::Hours(1))).status();
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    const std::vector<AuditRow> rows = All(tx, workspace_);
    EXPECT_EQ(rows.size(), 3u);
    EXPECT_TRUE(Holds(workspace_, rows));
    EXPECT_TRUE(Holds(other, All(tx, other)));
    EXPECT_FALSE(Holds(other, rows)) << "an entry belongs to its workspace";
    EXPECT_EQ(rows.back().at, at) << "times never fall";
    HEIM_ASSIGN_OR_RETURN(const AuditHead head, tx.audit.Head(workspace_));
    EXPECT_EQ(head.sequence, 3u);
    EXPECT_EQ(head.hash, rows.back().hash);
    return absl::OkStatus();
  });
  Reopen();
}

TEST_P(StoreSuite, AuditEntriesAreFoundByWhatAndWhenAndInPages) {
  const absl::Time at = absl::FromUnixSeconds(1'800'000'000);
  const std::vector<std::string> actions = {"x.a", "x.b", "xa.c", "x", "y.a"};
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (size_t i = 0; i < actions.size(); ++i) {
      AuditRow row = NewEntry(actions[i], i % 2 == 0 ? ann_ : bob_, at + absl::Seconds(i));
      if (i == 1) row.result = v1::AUDIT_RESULT_DENIED;
      HEIM_RETURN_IF_ERROR(tx.audit.Append(workspace_, std::move(row)).status());
    }
    return absl::OkStatus();
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    const auto numbers = [&](const AuditQuery& query) {
      std::string text;
      for (const AuditRow& row : All(tx, workspace_, query)) StrAppend(&text, row.sequence);
      return text;
    };
    EXPECT_EQ(numbers({.action = "x."}), "12");
    EXPECT_EQ(numbers({.action = "x"}), "4");
    EXPECT_EQ(numbers({.actor_id = bob_.str()}), "24");
    EXPECT_EQ(numbers({.actor_id = bob_.str(), .action = "x."}), "2");
    EXPECT_EQ(numbers({.result = v1::AUDIT_RESULT_DENIED}), "2");
    EXPECT_EQ(numbers({.result = v1::AUDIT_RESULT_SUCCEEDED}), "1345");
    EXPECT_EQ(numbers({.since = at + absl::Seconds(1), .until = at + absl::Seconds(3)}), "23");
    EXPECT_EQ(numbers({.since = at + absl::Hours(1)}), "");
    HEIM_ASSIGN_OR_RETURN(const auto page, tx.audit.List(workspace_, {}, kNewest, 0, 5, 2));
    EXPECT_EQ(page.size(), 2u);
    EXPECT_EQ(page.front().sequence, 4u);
    EXPECT_EQ(page.back().sequence, 3u);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, AnErasedActorLeavesAnAuditLogThatStillHolds) {
  const absl::Time at = absl::FromUnixSeconds(1'800'000'000);
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.audit.Append(workspace_, NewEntry("a.b", ann_, at)).status());
    HEIM_RETURN_IF_ERROR(tx.audit.Append(workspace_, NewEntry("a.b", bob_, at)).status());
    AuditRow about = NewEntry("a.c", bob_, at);
    about.subject_id = ann_.str();
    return tx.audit.Append(workspace_, std::move(about)).status();
  });
  MustCommit([&](WriteTx& tx) { return tx.audit.AnonymiseActor(ann_).status(); });
  MustRead([&](ReadTx& tx) -> absl::Status {
    const std::vector<AuditRow> rows = All(tx, workspace_);
    EXPECT_TRUE(Holds(workspace_, rows));
    EXPECT_FALSE(rows[0].origin.has_value() || rows[0].changes.has_value());
    EXPECT_TRUE(rows[1].origin.has_value() && rows[1].changes.has_value());
    EXPECT_TRUE(rows[2].origin.has_value());
    EXPECT_FALSE(rows[2].changes.has_value()) << "what was told of the erased one";
    EXPECT_EQ(rows[0].actor_id, ann_);
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
