// Erasing an actor: no table that names actors is forgotten, and the steps leave nothing of one in
// the log and the rows. Through the Store interface, for every driver.
#include <set>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/erased_actor.h"
#include "server/model/errors.h"
#include "server/store/migrations/migrations.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

// How columns are called that name an actor.
constexpr std::string_view kOfActor[] = {
    " actor_id ",     " to_actor_id ", " owner_id ",     " created_by ", " pinned_by ",
    " participants ", " added_by ",    " on_behalf_of ", " by_actor ",   " email "};
// What keeps the id of an erased actor, which leads to nobody, and why.
const std::set<std::string> kKept = {
    "actors",          // the row itself, without anything that it was known by
    "agent_profiles",  // whose agents they are; an agent's own is emptied
    "workspaces",      // another owner stands in when the actor leaves
    "channels",        // who made a channel of the team's
    "messages",        // tombstones, or texts that are to stay
    "reactions",       // taken back with events, unless what was said stays
    "threads",         // who took part, by ids
    "event_log",       // its payloads are scrubbed: the log has no holes
    "pins",            // who pinned somebody else's message
    "custom_emoji",    // who made a picture of the team's
    "user_groups",     // who made a group of the team's
    "audit_entries",   // ids alone are left: AnonymiseActor
    "erasures",        // the erasure itself
};

TEST(ErasuresTest, NoTableThatNamesActorsIsForgotten) {
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
      for (const std::string_view column : kOfActor) {
        concerned |= sql.find(column) != std::string::npos;
      }
      if (!concerned || kKept.count(table) > 0) continue;
      ++tables;
      EXPECT_TRUE(Erasures::Erases(table))
          << table << " of " << migration.name
          << ": say in server/store/erasure_scrubbing.cc how an erasure erases it";
    }
  }
  EXPECT_GT(tables, 20);
}

ErasureRow ErasureOf(const ActorId& actor) {
  ErasureRow row;
  row.erasure.set_id("01890000-0000-7000-8000-00000000e7a5");
  row.erasure.set_actor_id(actor.str());
  row.erasure.set_messages(v1::ERASED_MESSAGES_DELETE);
  row.erasure.set_state(v1::ERASURE_STATE_RUNNING);
  return row;
}

TEST_P(StoreSuite, AnErasureIsFoundUntilItIsDone) {
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.erasures.Insert(ErasureOf(bob_)));
    HEIM_ASSIGN_OR_RETURN(auto row, tx.erasures.Next());
    EXPECT_TRUE(row.has_value());
    row->Count("messages", 2);
    row->Count("messages", 3);
    row->cursor = "somewhere";
    HEIM_RETURN_IF_ERROR(tx.erasures.Update(*row));
    HEIM_ASSIGN_OR_RETURN(row, tx.erasures.OfActor(bob_));
    EXPECT_EQ(row->cursor, "somewhere");
    EXPECT_EQ(row->erasure.erased(0).count(), 5u);
    row->erasure.set_state(v1::ERASURE_STATE_DONE);
    HEIM_RETURN_IF_ERROR(tx.erasures.Update(*row));
    HEIM_ASSIGN_OR_RETURN(row, tx.erasures.Next());
    EXPECT_FALSE(row.has_value());
    EXPECT_EQ(ReasonOf(tx.erasures.Get("nothing").status()), v1::ERROR_REASON_ACTOR_NOT_FOUND);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, AnErasureTakesTheNameOutOfTheWholeLog) {
  // More than one step looks at.
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (int i = 0; i < 1200; ++i) {
      v1::Event event;
      v1::Message& message = *event.mutable_message_new()->mutable_message();
      message = NewMessage(bob_, "said");
      message.mutable_actor()->set_display_name("Bob Builder");
      event.set_channel_id(message.channel_id());
      HEIM_RETURN_IF_ERROR(tx.Emit(workspace_, event).status());
    }
    return absl::OkStatus();
  });
  ErasureRow row = ErasureOf(bob_);
  row.stage = ErasureRow::Stage::kLog;
  int steps = 0;
  while (row.stage == ErasureRow::Stage::kLog && ++steps < 100) {
    MustCommit([&](WriteTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(const v1::Actor bob, tx.actors.Get(bob_));
      return tx.erasures.ScrubLog(
          &row, ErasedActor(bob, "00000000-0000-7000-8000-0123456789ab", absl::UnixEpoch()));
    });
  }
  EXPECT_GE(steps, 2);
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto entries, tx.log.Read(workspace_, 0, 5000, 100 << 20));
    uint64_t position = 0;
    bool replaced = false;
    for (const LogEntry& entry : entries) {
      EXPECT_EQ(entry.position, ++position);
      EXPECT_EQ(entry.bytes.find("Bob Builder"), std::string::npos);
      replaced |= entry.bytes.find("deleted-80000123456789ab") != std::string::npos;
    }
    EXPECT_TRUE(replaced);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, AnErasureDeletesWhatIsTheActorsOwnAndNothingElse) {
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (const ActorId& actor : {ann_, bob_}) {
      HEIM_RETURN_IF_ERROR(tx.sessions.Insert(
          {SessionId("session-" + actor.str()), actor, absl::UnixEpoch(), absl::UnixEpoch(),
           absl::UnixEpoch() + absl::Hours(1), std::nullopt, "browser", "::1"}));
    }
    ErasureRow row = ErasureOf(bob_);
    HEIM_RETURN_IF_ERROR(tx.erasures.EraseIdentity(&row));
    row.stage = ErasureRow::Stage::kRows;
    HEIM_RETURN_IF_ERROR(tx.erasures.EraseRows(&row));
    EXPECT_EQ(row.stage, ErasureRow::Stage::kBytes);
    EXPECT_FALSE(tx.sessions.Get(SessionId("session-" + bob_.str())).ok());
    EXPECT_TRUE(tx.sessions.Get(SessionId("session-" + ann_.str())).ok());
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
