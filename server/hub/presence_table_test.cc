// Who is there: connections, the grace after the last one, choices by hand, leases.
#include "server/hub/presence_table.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/bus/local/local_bus.h"
#include "server/model/limits.h"

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

}  // namespace
}  // namespace heim
