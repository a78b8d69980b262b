// Where history begins for members and for outsiders, and the names that channels had. Through the
// Store interface, for every driver.
#include <limits>

#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

using Contents = std::vector<std::string>;

TEST_P(StoreSuite, AMembersHistoryIsKeptAndListedWhereItIsNotWhole) {
  const ChannelId channel = AddChannel("alpha", {ann_});
  MustCommit([&](WriteTx& tx) {
    v1::Member member = NewMember(channel, bob_);
    member.set_history_from_seq(7);
    return tx.members.Insert(member, 1);
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    EXPECT_EQ(tx.members.Get(channel, bob_)->history_from_seq(), 7u);
    EXPECT_EQ(tx.members.Get(channel, ann_)->history_from_seq(), 0u);
    EXPECT_EQ(tx.channels.GetFor(channel, bob_)->me().history_from_seq(), 7u);
    EXPECT_EQ(tx.members.List(channel, "", 10)->back().history_from_seq(), 7u);
    HEIM_ASSIGN_OR_RETURN(const auto histories, tx.members.Histories(workspace_, bob_));
    EXPECT_EQ(histories.size(), 1u);
    EXPECT_EQ(histories.front().channel_id, channel);
    EXPECT_EQ(histories.front().from_seq, 7u);
    EXPECT_TRUE(tx.members.Histories(workspace_, ann_)->empty());
    EXPECT_TRUE(tx.members.Histories(WorkspaceId("other"), bob_)->empty());
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, WhoMayReadWithoutMembershipIsAFactOfTheChannel) {
  v1::Channel kept = NewChannel("kept");
  kept.set_history_visibility(v1::HISTORY_VISIBILITY_SINCE_JOINING);
  v1::Channel secret = NewChannel("secret");
  secret.set_type(v1::CHANNEL_TYPE_PRIVATE);
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.channels.Insert(kept, ""));
    HEIM_RETURN_IF_ERROR(tx.channels.Insert(secret, ""));
    return tx.channels.SetOpenFrom(general_, {5, 90});
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    const std::vector<ChannelId> asked = {general_, ChannelId(kept.id()), ChannelId(secret.id())};
    HEIM_ASSIGN_OR_RETURN(const auto facts, tx.members.Facts(workspace_, ann_, asked));
    EXPECT_EQ(facts.size(), 3u);
    for (const ChannelFacts& fact : facts) {
      EXPECT_EQ(fact.open, fact.channel_id == general_);
      if (fact.channel_id != general_) continue;
      EXPECT_EQ(fact.open_from.seq, 5u);
      EXPECT_EQ(fact.open_from.position, 90u);
    }
    EXPECT_EQ(tx.channels.OpenFrom(general_)->seq, 5u);
    EXPECT_EQ(tx.channels.OpenFrom(ChannelId(kept.id()))->seq, 0u);
    EXPECT_EQ(ReasonOf(tx.channels.OpenFrom(ChannelId("none")).status()),
              v1::ERROR_REASON_CHANNEL_NOT_FOUND);
    EXPECT_EQ(tx.channels.Get(ChannelId(kept.id()))->history_visibility(),
              v1::HISTORY_VISIBILITY_SINCE_JOINING);
    EXPECT_EQ(tx.channels.Get(general_)->history_visibility(), v1::HISTORY_VISIBILITY_ALL);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, PagesEndWhereHistoryBegins) {
  for (const char* text : {"one", "two", "three", "four"}) MustPost(NewMessage(ann_, text));
  const auto list = [&](MessagePage page) {
    Contents found;
    MustRead([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(const auto messages, tx.messages.List(general_, page));
      for (const v1::Message& message : messages) found.push_back(message.content());
      return absl::OkStatus();
    });
    return found;
  };
  MessagePage page;
  page.from_seq = 3;
  EXPECT_EQ(list(page), Contents({"four", "three"}));
  page.ascending = true;
  EXPECT_EQ(list(page), Contents({"three", "four"}));
  page.after_seq = 3;
  EXPECT_EQ(list(page), Contents({"four"}));
  page.from_seq = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(list(page), Contents());
  page.ascending = false;
  page.include_replies = true;
  EXPECT_EQ(list(page), Contents());
}

TEST_P(StoreSuite, WhatIsOlderThanHistoryIsNotUnread) {
  MustPost(NewMessage(ann_, "one"));
  MustPost(NewMessage(ann_, "two"));
  EXPECT_EQ(Unread(), std::make_pair(2u, 0u));
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.members.Remove(general_, bob_, 101));
    v1::Member member = NewMember(general_, bob_);
    member.set_history_from_seq(2);
    return tx.members.Insert(member, 102);
  });
  EXPECT_EQ(Unread(), std::make_pair(1u, 0u));
}

TEST_P(StoreSuite, AFileLiesWhereTheNewestMessageWithItDoes) {
  MustPost(NewMessage(ann_, "one"));
  const v1::Message old = MustPost(NewMessage(ann_, "two"));
  const v1::Message newer = MustPost(NewMessage(ann_, "three"));
  FileRow row;
  row.file.set_id(ids_.NewId());
  row.file.set_actor_id(ann_.str());
  row.workspace_id = workspace_;
  row.blob_key = "key";
  const FileId file(row.file.id());
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.files.Insert(row));
    HEIM_RETURN_IF_ERROR(tx.files.LinkToMessage(file, MessageId(old.id()), general_));
    return tx.files.LinkToMessage(file, MessageId(newer.id()), general_);
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto places, tx.files.PlacesOf(file));
    EXPECT_EQ(places.size(), 1u);
    EXPECT_EQ(places.front().channel_id, general_);
    EXPECT_EQ(places.front().newest_seq, newer.seq());
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, ANameThatWasGivenUpLeadsToWhoHadItLast) {
  const ChannelId alpha = AddChannel("alpha", {});
  const auto find = [&](const char* name) {
    std::string found;
    MustRead([&](ReadTx& tx) -> absl::Status {
      const auto id = tx.channels.FormerlyNamed(workspace_, name);
      found = id.ok() ? id->str() : "";
      if (!id.ok()) {
        EXPECT_EQ(ReasonOf(id.status()), v1::ERROR_REASON_CHANNEL_NOT_FOUND);
      }
      return absl::OkStatus();
    });
    return found;
  };
  EXPECT_EQ(find("old"), "");
  MustCommit([&](WriteTx& tx) { return tx.channels.KeepName(workspace_, alpha, "Old"); });
  EXPECT_EQ(find("old"), alpha.str());
  EXPECT_EQ(find("OLD"), alpha.str());
  MustCommit([&](WriteTx& tx) { return tx.channels.KeepName(workspace_, general_, "old"); });
  EXPECT_EQ(find("old"), general_.str());
  MustCommit([&](WriteTx& tx) { return tx.channels.KeepName(WorkspaceId("x"), alpha, "other"); });
  EXPECT_EQ(find("other"), "") << "of another workspace";
}

}  // namespace
}  // namespace heim
