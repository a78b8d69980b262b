// What search reads of the store: where somebody stands in each channel, and messages from the
// newest id down. Through the Store interface, for every driver.
#include <map>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

TEST_P(StoreSuite, StandingsArePublicChannelsAndOnesOwnWithWhereTheirHistoriesBegin) {
  const ChannelId own = AddChannel("own", {});
  const ChannelId foreign = AddChannel("foreign", {ann_});
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (const ChannelId& id : {own, foreign}) {
      HEIM_ASSIGN_OR_RETURN(v1::Channel channel, tx.channels.Get(id));
      channel.set_type(v1::CHANNEL_TYPE_PRIVATE);
      HEIM_RETURN_IF_ERROR(tx.channels.Update(channel));
    }
    v1::Member member = NewMember(own, bob_);
    member.set_role(v1::CHANNEL_ROLE_VIEWER);
    member.set_history_from_seq(7);
    HEIM_RETURN_IF_ERROR(tx.members.Insert(member, 1));
    return tx.channels.SetOpenFrom(general_, {5, 9});
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const std::vector<StandingRow> rows,
                          tx.search.Standings(workspace_, bob_));
    std::map<std::string, StandingRow> by_name;
    for (const StandingRow& row : rows) by_name[row.name] = row;
    EXPECT_EQ(by_name.size(), 2u);
    EXPECT_EQ(by_name.count("foreign"), 0u);
    EXPECT_EQ(by_name["general"].open_from_seq, 5u);
    EXPECT_TRUE(by_name["general"].is_member);
    EXPECT_EQ(by_name["own"].id, own);
    EXPECT_EQ(by_name["own"].type, v1::CHANNEL_TYPE_PRIVATE);
    EXPECT_EQ(by_name["own"].role, v1::CHANNEL_ROLE_VIEWER);
    EXPECT_EQ(by_name["own"].history_from_seq, 7u);
    HEIM_ASSIGN_OR_RETURN(const std::vector<StandingRow> stranger,
                          tx.search.Standings(workspace_, ActorId("nobody")));
    EXPECT_EQ(stranger.size(), 1u);
    EXPECT_FALSE(stranger.front().is_member);
    HEIM_ASSIGN_OR_RETURN(const std::vector<StandingRow> elsewhere,
                          tx.search.Standings(WorkspaceId("another"), bob_));
    EXPECT_TRUE(elsewhere.empty());
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, MessagesComeFromTheGreatestIdDownWithTheirWorkspace) {
  std::vector<std::string> sent;
  for (int i = 0; i < 7; ++i) {
    clock_.Advance(absl::Milliseconds(1));
    v1::Message message = NewMessage(ann_, StrCat("number ", i));
    sent.insert(sent.begin(), MustPost(std::move(message)).id());
  }
  MustRead([&](ReadTx& tx) -> absl::Status {
    std::vector<std::string> seen;
    std::string before = "~";
    while (true) {
      HEIM_ASSIGN_OR_RETURN(const std::vector<MessageOf> page, tx.search.MessagesBefore(before, 3));
      if (page.empty()) break;
      for (const MessageOf& message : page) {
        EXPECT_EQ(message.workspace_id, workspace_);
        seen.push_back(message.id.str());
      }
      before = seen.back();
    }
    EXPECT_EQ(seen, sent);
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
