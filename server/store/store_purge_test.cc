// Purging a channel: nothing of it is left, whatever tables there are, in steps that a restart does
// not disturb. Through the Store interface, for every driver.
#include <set>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/store/migrations/migrations.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

// Columns by which rows belong to a channel or to one of its messages.
constexpr std::string_view kOfChannel[] = {" channel_id ", " message_id ", " root_id ",
                                           " thread_id ", " original_id "};
// What has such a column and is not deleted.
const std::set<std::string> kNotDeleted = {
    "event_log",             // its payloads are scrubbed: the log has no holes
    "membership_intervals",  // who was a member hears of the end in replay
    "channel_purges",        // the purge itself
};

TEST(ChannelPurgesTest, NoTableIsForgotten) {
  int tables = 0;
  for (const Migration& migration : AllMigrations()) {
    const auto statements = MigrationStatements(migration.sql, {"TEXT", "BLOB", ""});
    ASSERT_TRUE(statements.ok());
    for (const std::string& sql : *statements) {
      constexpr std::string_view kCreate = "CREATE TABLE ";
      constexpr std::string_view kAlter = "ALTER TABLE ";
      const bool creates = StartsWith(sql, kCreate);
      if (!creates && !StartsWith(sql, kAlter)) continue;
      const size_t from = (creates ? kCreate : kAlter).size();
      const std::string table = sql.substr(from, sql.find(' ', from) - from);
      bool concerned = false;
      for (const std::string_view column : kOfChannel) {
        concerned |= sql.find(column) != std::string::npos;
      }
      if (!concerned || kNotDeleted.count(table) > 0) continue;
      ++tables;
      EXPECT_TRUE(ChannelPurges::Erases(table))
          << table << " of " << migration.name
          << ": say in server/store/channel_purges.cc how a purge erases it";
    }
  }
  EXPECT_GT(tables, 15);
}

TEST_P(StoreSuite, APurgeErasesAllInSteps) {
  const ChannelId channel = AddChannel("alpha", {ann_, bob_});
  std::string some;
  for (int i = 0; i < 1100; ++i) {
    v1::Message message = NewMessage(ann_, "said here");
    message.set_channel_id(channel.str());
    some = MustPost(message).id();
  }
  const v1::Message kept = MustPost(NewMessage(ann_, "said elsewhere"));
  uint64_t deleted = 0;
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const v1::Channel whole, tx.channels.Get(channel));
    HEIM_RETURN_IF_ERROR(tx.channels.KeepName(workspace_, channel, "older"));
    HEIM_ASSIGN_OR_RETURN(deleted, tx.PeekPosition(workspace_));
    HEIM_RETURN_IF_ERROR(tx.purges.Begin(whole, deleted));
    v1::Event event = SomeEvent(channel);
    event.mutable_channel_deleted()->set_channel_id(channel.str());
    return tx.Emit(workspace_, event).status();
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    EXPECT_EQ(ReasonOf(tx.channels.Get(channel).status()), v1::ERROR_REASON_CHANNEL_NOT_FOUND);
    EXPECT_FALSE(*tx.members.Has(channel, bob_));
    EXPECT_FALSE(tx.channels.FormerlyNamed(workspace_, "older").ok());
    HEIM_ASSIGN_OR_RETURN(const auto intervals, tx.members.Intervals(workspace_, bob_));
    for (const MembershipInterval& interval : intervals) {
      EXPECT_EQ(interval.to, interval.channel_id == channel ? deleted : 0u);
    }
    return absl::OkStatus();
  });
  int steps = 0;
  bool more = true;
  while (more && steps < 100) {
    MustCommit([&](WriteTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(const auto purge, tx.purges.Next());
      more = purge.has_value();
      return more ? tx.purges.Step(*purge) : absl::OkStatus();
    });
    if (more) ++steps;
  }
  EXPECT_GE(steps, 5) << "three of messages, one of the log, one of the rest";
  MustRead([&](ReadTx& tx) -> absl::Status {
    EXPECT_EQ(ReasonOf(tx.messages.Get(MessageId(some)).status()),
              v1::ERROR_REASON_MESSAGE_NOT_FOUND);
    EXPECT_EQ(tx.messages.Get(MessageId(kept.id()))->content(), "said elsewhere");
    HEIM_ASSIGN_OR_RETURN(const auto entries, tx.log.Read(workspace_, 0, 5000, 100 << 20));
    uint64_t position = 0;
    for (const LogEntry& entry : entries) {
      EXPECT_EQ(entry.position, ++position);
      EXPECT_EQ(entry.bytes.find("said here"), std::string::npos);
      v1::Event event;
      EXPECT_TRUE(event.ParseFromString(entry.bytes));
      EXPECT_EQ(event.position(), entry.position);
    }
    v1::Event last;
    EXPECT_TRUE(last.ParseFromString(entries.back().bytes));
    EXPECT_TRUE(last.has_channel_deleted());
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
