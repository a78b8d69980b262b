// Channels, members and what is unread. Through the Store interface, for every driver.
#include "server/base/status_macros.h"
#include "server/model/errors.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

std::vector<std::string> NamesOf(const std::vector<v1::Channel>& channels) {
  std::vector<std::string> names;
  for (const v1::Channel& channel : channels) names.push_back(channel.name());
  return names;
}

using Names = std::vector<std::string>;
using Counts = std::pair<uint32_t, uint32_t>;

TEST_P(StoreSuite, AChannelNameIsUniqueInTheWorkspaceWhateverItsCase) {
  const auto insert = [&](const char* name) {
    return Commit([&](WriteTx& tx) { return tx.channels.Insert(NewChannel(name), ""); }).status();
  };
  EXPECT_EQ(ReasonOf(insert("general")), v1::ERROR_REASON_CHANNEL_NAME_TAKEN);
  EXPECT_EQ(ReasonOf(insert("General")), v1::ERROR_REASON_CHANNEL_NAME_TAKEN);
  EXPECT_TRUE(insert("other").ok());
  EXPECT_TRUE(insert("").ok()) << "direct messages have no name";
  EXPECT_TRUE(insert("").ok());
}

TEST_P(StoreSuite, ADirectConversationExistsOnce) {
  const auto insert = [&](const char* key) {
    v1::Channel channel = NewChannel("");
    channel.set_type(v1::CHANNEL_TYPE_DM);
    return Commit([&](WriteTx& tx) { return tx.channels.Insert(channel, key); }).status();
  };
  EXPECT_TRUE(insert("a+b").ok());
  EXPECT_EQ(ReasonOf(insert("a+b")), v1::ERROR_REASON_ALREADY_MEMBER);
  EXPECT_TRUE(insert("a+c").ok());
  MustRead([&](ReadTx& tx) -> absl::Status {
    EXPECT_TRUE(tx.channels.FindByDmKey(workspace_, "a+b").ok());
    EXPECT_EQ(ReasonOf(tx.channels.FindByDmKey(workspace_, "b+c").status()),
              v1::ERROR_REASON_CHANNEL_NOT_FOUND);
    EXPECT_EQ(tx.channels.FindByName(workspace_, "GENERAL")->id(), general_.str());
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, AChannelIsUpdatedAndSeenWithMyMembership) {
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(v1::Channel channel, tx.channels.Get(general_));
    channel.set_topic("weather");
    channel.set_archived(true);
    channel.set_revision(2);
    *channel.mutable_updated_at() = ToTimestamp(clock_.Now());
    return tx.channels.Update(channel);
  });
  const ActorId stranger = AddPerson("stranger");
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const v1::Channel mine, tx.channels.GetFor(general_, ann_));
    EXPECT_EQ(mine.topic(), "weather");
    EXPECT_TRUE(mine.archived());
    EXPECT_EQ(mine.member_count(), 2u);
    EXPECT_EQ(mine.me().actor().username(), "ann");
    EXPECT_EQ(mine.me().role(), v1::CHANNEL_ROLE_MEMBER);
    HEIM_ASSIGN_OR_RETURN(const v1::Channel theirs, tx.channels.GetFor(general_, stranger));
    EXPECT_FALSE(theirs.has_me());
    EXPECT_EQ(ReasonOf(tx.channels.Get(ChannelId("none")).status()),
              v1::ERROR_REASON_CHANNEL_NOT_FOUND);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, TheListHoldsPublicChannelsAndOnesOwn) {
  AddChannel("alpha", {bob_});
  v1::Channel secret = NewChannel("secret");
  secret.set_type(v1::CHANNEL_TYPE_PRIVATE);
  v1::Channel old = NewChannel("old");
  old.set_archived(true);
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.channels.Insert(secret, ""));
    HEIM_RETURN_IF_ERROR(tx.channels.Insert(old, ""));
    return tx.members.Insert(NewMember(ChannelId(secret.id()), bob_), 9);
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    const auto list = [&](const ActorId& actor, auto set) {
      ChannelFilter filter;
      set(filter);
      return NamesOf(*tx.channels.List(workspace_, actor, filter));
    };
    EXPECT_EQ(list(ann_, [](auto&) {}), Names({"alpha", "general"}));
    EXPECT_EQ(list(bob_, [](auto&) {}), Names({"alpha", "general", "secret"}));
    EXPECT_EQ(list(ann_, [](auto& f) { f.joined_only = true; }), Names({"general"}));
    EXPECT_EQ(list(ann_, [](auto& f) { f.include_archived = true; }),
              Names({"alpha", "general", "old"}));
    EXPECT_EQ(list(bob_, [](auto& f) { f.type = v1::CHANNEL_TYPE_PRIVATE; }), Names({"secret"}));
    EXPECT_EQ(list(ann_, [](auto& f) { f.name = "general"; }), Names({"general"}));
    EXPECT_EQ(list(bob_, [](auto& f) { f.limit = 1; }), Names({"alpha"}));
    EXPECT_EQ(list(bob_,
                   [](auto& f) {
                     f.after_name = "alpha";
                     f.after_id = "~";
                   }),
              Names({"general", "secret"}));
    EXPECT_TRUE(tx.channels.List(WorkspaceId("other"), bob_, {})->empty());
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, MembershipIntervalsOpenAndClose) {
  const uint64_t joined = MustCommit([&](WriteTx& tx) {
                            return tx.Emit(workspace_, SomeEvent(general_)).status();
                          }).position;
  const ChannelId channel = AddChannel("alpha", {});
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.members.Insert(NewMember(channel, ann_), joined));
    EXPECT_EQ(ReasonOf(tx.members.Insert(NewMember(channel, ann_), joined)),
              v1::ERROR_REASON_ALREADY_MEMBER);
    HEIM_RETURN_IF_ERROR(tx.members.Remove(channel, ann_, joined + 3));
    EXPECT_EQ(ReasonOf(tx.members.Remove(channel, ann_, joined + 4)),
              v1::ERROR_REASON_MEMBER_NOT_FOUND);
    return tx.members.Insert(NewMember(channel, ann_), joined + 5);
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto all, tx.members.Intervals(workspace_, ann_));
    std::vector<std::pair<uint64_t, uint64_t>> spans;
    for (const MembershipInterval& interval : all) {
      if (interval.channel_id == channel) spans.emplace_back(interval.from, interval.to);
    }
    const std::vector<std::pair<uint64_t, uint64_t>> expected = {{joined, joined + 3},
                                                                 {joined + 5, 0}};
    EXPECT_EQ(spans, expected);
    EXPECT_EQ(tx.channels.Get(channel)->member_count(), 1u);
    EXPECT_EQ(tx.members.ChannelsOf(workspace_, ann_)->size(), 2u);
    HEIM_ASSIGN_OR_RETURN(const auto facts,
                          tx.members.Facts(workspace_, bob_, {channel, general_, ChannelId("x")}));
    EXPECT_EQ(facts.size(), 2u);
    for (const ChannelFacts& fact : facts) EXPECT_EQ(fact.is_member, fact.channel_id == general_);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, MembersAreListedInTheOrderTheyJoined) {
  const ActorId cat = AddPerson("cat");
  const ChannelId channel = AddChannel("alpha", {});
  for (const ActorId& actor : {cat, bob_, ann_}) {
    clock_.Advance(absl::Seconds(1));
    MustCommit([&](WriteTx& tx) { return tx.members.Insert(NewMember(channel, actor), 1); });
  }
  const auto list = [&](std::string_view after, uint32_t limit) {
    std::vector<std::string> names;
    MustRead([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(const auto members, tx.members.List(channel, after, limit));
      for (const v1::Member& member : members) names.push_back(member.actor().username());
      return absl::OkStatus();
    });
    return names;
  };
  EXPECT_EQ(list("", 10), Names({"cat", "bob", "ann"}));
  EXPECT_EQ(list("", 2), Names({"cat", "bob"}));
  MustCommit([&](WriteTx& tx) { return tx.members.Remove(channel, bob_, 2); });
  EXPECT_EQ(list(bob_.str(), 10), Names({"ann"})) << "also after one that has left since";
}

TEST_P(StoreSuite, TheOldestAdminSucceedsElseWhoeverMayWrite) {
  const ActorId cat = AddPerson("cat");
  const ChannelId channel = AddChannel("alpha", {ann_, bob_, cat});
  const auto set_role = [&](const ActorId& actor, v1::ChannelRole role) {
    MustCommit([&](WriteTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(v1::Member member, tx.members.Get(channel, actor));
      member.set_role(role);
      return tx.members.Update(member);
    });
  };
  const auto successor = [&] {
    std::optional<ActorId> found;
    MustRead([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(found, tx.members.Successor(channel, ann_));
      return absl::OkStatus();
    });
    return found;
  };
  set_role(ann_, v1::CHANNEL_ROLE_OWNER);
  EXPECT_EQ(successor(), bob_);
  set_role(cat, v1::CHANNEL_ROLE_ADMIN);
  EXPECT_EQ(successor(), cat);
  set_role(cat, v1::CHANNEL_ROLE_VIEWER);
  set_role(bob_, v1::CHANNEL_ROLE_VIEWER);
  EXPECT_EQ(successor(), std::nullopt);
  MustRead([&](ReadTx& tx) -> absl::Status {
    EXPECT_EQ(*tx.members.CountOwners(channel), 1);
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, OnlySomebodyIsAMember) {
  MustRead([&](ReadTx& tx) -> absl::Status {
    EXPECT_EQ(ReasonOf(tx.members.ReadStateOf(general_, ActorId("x"), std::nullopt).status()),
              v1::ERROR_REASON_MEMBER_NOT_FOUND);
    EXPECT_TRUE(*tx.members.Has(general_, bob_));
    EXPECT_FALSE(*tx.members.Has(general_, ActorId("x")));
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, UnreadIsWhatOthersWroteAtTopLevelAndFinished) {
  EXPECT_EQ(Unread(), Counts(0, 0));
  const v1::Message first = MustPost(NewMessage(ann_, "counts"));
  EXPECT_EQ(Unread(), Counts(1, 0));
  MustPost(NewMessage(bob_, "mine"));
  v1::Message system = NewMessage(ann_, "joined");
  system.set_content_type(v1::CONTENT_TYPE_SYSTEM);
  MustPost(system);
  v1::Message reply = NewMessage(ann_, "reply");
  reply.set_thread_id(first.id());
  MustPost(reply);
  EXPECT_EQ(Unread(), Counts(1, 0)) << "not mine, not the system's, no replies";

  v1::Message streaming = NewMessage(ann_, "");
  streaming.set_state(v1::MESSAGE_STATE_STREAMING);
  streaming = MustPost(streaming);
  EXPECT_EQ(Unread(), Counts(1, 0)) << "a stream counts when it ends";
  streaming.set_state(v1::MESSAGE_STATE_INTERRUPTED);
  MustCommit([&](WriteTx& tx) { return tx.messages.Update(streaming, 30); });
  EXPECT_EQ(Unread(), Counts(2, 0));
  *streaming.mutable_deleted_at() = ToTimestamp(clock_.Now());
  MustCommit([&](WriteTx& tx) { return tx.messages.Update(streaming, 31); });
  EXPECT_EQ(Unread(), Counts(1, 0));
}

TEST_P(StoreSuite, MentionsFollowEditsAndEachMessageCountsOnce) {
  v1::Message message = NewMessage(ann_, "@bob @channel");
  v1::Mention& mention = *message.add_mentions();
  mention.set_type(v1::MENTION_TYPE_ACTOR);
  mention.set_actor_id(bob_.str());
  message.add_mentions()->set_type(v1::MENTION_TYPE_CHANNEL);
  message = MustPost(message);
  EXPECT_EQ(Unread(), Counts(1, 1));
  message.clear_mentions();
  message.set_revision(2);
  MustCommit([&](WriteTx& tx) { return tx.messages.Update(message, 9); });
  EXPECT_EQ(Unread(), Counts(1, 0));
  message.add_mentions()->set_type(v1::MENTION_TYPE_EVERYONE);
  message.set_revision(3);
  MustCommit([&](WriteTx& tx) { return tx.messages.Update(message, 10); });
  EXPECT_EQ(Unread(), Counts(1, 1));
}

TEST_P(StoreSuite, AReadCursorMovesForwardOnly) {
  MustPost(NewMessage(ann_, "one"));
  MustPost(NewMessage(ann_, "two"));
  MustCommit([&](WriteTx& tx) -> absl::Status {
    EXPECT_TRUE(*tx.members.MarkRead(general_, bob_, 1, clock_.Now()));
    EXPECT_FALSE(*tx.members.MarkRead(general_, bob_, 1, clock_.Now()));
    EXPECT_FALSE(*tx.members.MarkRead(general_, bob_, 0, clock_.Now()));
    return absl::OkStatus();
  });
  EXPECT_EQ(Unread(), Counts(1, 0));
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto state, tx.members.ReadStateOf(general_, bob_, std::nullopt));
    EXPECT_EQ(state.last_read_seq(), 1u);
    EXPECT_EQ(state.last_seq(), 2u);
    EXPECT_TRUE(state.has_last_read_at());
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, AThreadHasItsOwnCursor) {
  const v1::Message root = MustPost(NewMessage(ann_, "root"));
  const MessageId thread(root.id());
  uint64_t first = 0;
  for (int i = 0; i < 3; ++i) {
    v1::Message reply = NewMessage(i == 2 ? bob_ : ann_, "@bob");
    reply.set_thread_id(root.id());
    v1::Mention& mention = *reply.add_mentions();
    mention.set_type(v1::MENTION_TYPE_ACTOR);
    mention.set_actor_id(bob_.str());
    reply = MustPost(reply);
    if (i == 0) first = reply.seq();
    MustCommit([&](WriteTx& tx) { return tx.messages.AddReply(thread, reply, reply.seq()); });
  }
  EXPECT_EQ(Unread(thread), Counts(2, 2));
  EXPECT_EQ(Unread(), Counts(1, 0));
  MustCommit([&](WriteTx& tx) -> absl::Status {
    EXPECT_TRUE(*tx.members.MarkThreadRead(thread, bob_, first, clock_.Now()));
    EXPECT_FALSE(*tx.members.MarkThreadRead(thread, bob_, first, clock_.Now()));
    return absl::OkStatus();
  });
  EXPECT_EQ(Unread(thread), Counts(1, 1));
}

}  // namespace
}  // namespace heim
