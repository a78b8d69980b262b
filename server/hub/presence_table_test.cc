// Who is there: connections, the grace after the last one, choices by hand, leases.
#include "server/hub/presence_table.h"

#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "server/bus/local/local_bus.h"
#include "server/model/limits.h"
#include "server/store/sqlite/sqlite_store.h"

namespace heim {
namespace {

class PresenceTableTest : public ::testing::Test, public BusHandler {
 protected:
  void SetUp() override { bus_.SetHandler(this); }
  void OnWakeUp(const WorkspaceId&, uint64_t) override {}
  void OnEphemeral(const WorkspaceId& workspace, std::shared_ptr<const v1::Event> event) override {
    told_.push_back(workspace.str() + " " +
                    v1::Presence_Name(event->presence_changed().presence()));
  }
  v1::Presence Shown() { return table_.Get(ann_, std::nullopt).presence(); }

  const ActorId ann_{"ann"};
  const WorkspaceId work_{"w"};
  ManualClock clock_;
  ManualTimers timers_{clock_};
  LocalBus bus_;
  std::vector<std::string> told_;
  PresenceTable table_{clock_, timers_, bus_};
};

TEST_F(PresenceTableTest, OfflineFollowsSomeTimeAfterTheLastConnectionCloses) {
  table_.Connected(work_, ann_);
  table_.Connected(work_, ann_);
  EXPECT_EQ(Shown(), v1::PRESENCE_ONLINE);
  table_.Disconnected(work_, ann_);
  clock_.Advance(kOfflineGrace);
  EXPECT_EQ(Shown(), v1::PRESENCE_ONLINE);
  table_.Disconnected(work_, ann_);
  EXPECT_EQ(Shown(), v1::PRESENCE_ONLINE);
  clock_.Advance(kOfflineGrace);
  EXPECT_EQ(Shown(), v1::PRESENCE_OFFLINE);
  EXPECT_EQ(told_, (std::vector<std::string>{"w PRESENCE_ONLINE", "w PRESENCE_OFFLINE"}));
}

TEST_F(PresenceTableTest, AShortReconnectIsNotTold) {
  table_.Connected(work_, ann_);
  table_.Disconnected(work_, ann_);
  clock_.Advance(kOfflineGrace / 2);
  table_.Connected(work_, ann_);
  clock_.Advance(kOfflineGrace);
  EXPECT_EQ(Shown(), v1::PRESENCE_ONLINE);
  EXPECT_EQ(told_.size(), 1u);
}

TEST_F(PresenceTableTest, ChoicesByHandStickUntilOnlineIsChosen) {
  table_.Connected(work_, ann_);
  EXPECT_EQ(table_.Set(work_, ann_, v1::PRESENCE_DND, std::nullopt).presence(), v1::PRESENCE_DND);
  table_.Disconnected(work_, ann_);
  clock_.Advance(kOfflineGrace);
  EXPECT_EQ(Shown(), v1::PRESENCE_OFFLINE);
  table_.Connected(work_, ann_);
  EXPECT_EQ(Shown(), v1::PRESENCE_DND);
  table_.Set(work_, ann_, v1::PRESENCE_OFFLINE, std::nullopt);
  EXPECT_EQ(Shown(), v1::PRESENCE_OFFLINE);
  table_.Set(work_, ann_, v1::PRESENCE_ONLINE, std::nullopt);
  EXPECT_EQ(Shown(), v1::PRESENCE_ONLINE);
}

TEST_F(PresenceTableTest, WithoutAConnectionAChoiceIsALease) {
  EXPECT_EQ(table_.Set(work_, ann_, v1::PRESENCE_ONLINE, std::nullopt).presence(),
            v1::PRESENCE_ONLINE);
  clock_.Advance(kPresenceLeaseByCall);
  EXPECT_EQ(Shown(), v1::PRESENCE_OFFLINE);
}

TEST_F(PresenceTableTest, AStatusIsToldOnceAndClearedByAnEmptyOne) {
  table_.Connected(work_, ann_);
  table_.Set(work_, ann_, v1::PRESENCE_UNSPECIFIED, "lunch");
  table_.Set(work_, ann_, v1::PRESENCE_UNSPECIFIED, "lunch");
  EXPECT_EQ(told_.size(), 2u);
  EXPECT_EQ(table_.Get(ann_, "of the row").status(), "lunch");
  table_.Set(work_, ann_, v1::PRESENCE_UNSPECIFIED, "");
  EXPECT_FALSE(table_.Get(ann_, "of the row").has_status());
  EXPECT_EQ(table_.Get(ActorId("bob"), "of the row").status(), "of the row");
}

TEST(PresenceTableRestartTest, ARestartShowsNobodyAsGoneWhoComesAgainInTime) {
  ManualClock clock;
  ManualTimers timers(clock);
  LocalBus bus;
  SqliteStore::Options options;
  options.path = ":memory:";
  auto opened = SqliteStore::Create(options, clock);
  ASSERT_TRUE(opened.ok()) << opened.status();
  Store& store = **opened;
  const WorkspaceId work("w");
  const ActorId ann("ann");
  const ActorId bob("bob");
  const auto shown = [](const PresenceTable& table, const ActorId& actor) {
    return table.Get(actor, std::nullopt).presence();
  };
  {
    PresenceTable table(clock, timers, bus);
    ASSERT_TRUE(table.Recover(store).ok());
    table.Connected(work, ann);
    table.Connected(work, bob);
    table.Disconnected(work, bob);
    clock.Advance(kOfflineGrace);
    table.Connected(work, ActorId("carl"));
    // The choice is written by the service.
    absl::Notification done;
    Draft draft;
    draft.apply = [](WriteTx& tx) {
      return tx.presence.SetChoice(ActorId("carl"), v1::PRESENCE_DND);
    };
    store.Commit(std::move(draft), [&](const absl::StatusOr<Committed>&) { done.Notify(); });
    done.WaitForNotification();
  }
  PresenceTable table(clock, timers, bus);
  ASSERT_TRUE(table.Recover(store).ok());
  EXPECT_EQ(shown(table, ann), v1::PRESENCE_ONLINE);
  EXPECT_EQ(shown(table, bob), v1::PRESENCE_OFFLINE) << "was gone before";
  EXPECT_EQ(shown(table, ActorId("carl")), v1::PRESENCE_DND);
  table.Connected(work, ann);
  clock.Advance(kOfflineGrace);
  EXPECT_EQ(shown(table, ann), v1::PRESENCE_ONLINE);
  EXPECT_EQ(shown(table, ActorId("carl")), v1::PRESENCE_OFFLINE) << "did not come again";
  table.Connected(work, ActorId("carl"));
  EXPECT_EQ(shown(table, ActorId("carl")), v1::PRESENCE_DND) << "chosen by hand";
  store.Stop();
}

}  // namespace
}  // namespace heim
