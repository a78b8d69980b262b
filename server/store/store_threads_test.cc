// Who follows a thread and what is unread in it, for every driver.
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/store/store_suite.h"

namespace heim {
namespace {

TEST_P(StoreSuite, FollowersAreMembersThatFollow) {
  const v1::Message root = MustPost(NewMessage(ann_, "root"));
  const ThreadPlace place{workspace_, general_, MessageId(root.id())};
  const ActorId stranger = AddPerson("stranger");
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_RETURN_IF_ERROR(tx.follows.Set(place, ann_, Following::kFollows, 1));
    HEIM_RETURN_IF_ERROR(tx.follows.Set(place, bob_, Following::kUnfollowed, 1));
    return tx.follows.Set(place, stranger, Following::kFollows, 1);
  });
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto followers, tx.follows.FollowersOf(place.root));
    EXPECT_EQ(followers, std::vector<ActorId>({ann_}));
    EXPECT_TRUE(*tx.follows.IsFollowing(place.root, ann_));
    EXPECT_FALSE(*tx.follows.IsFollowing(place.root, bob_));
    EXPECT_FALSE(*tx.follows.IsFollowing(place.root, stranger));
    HEIM_ASSIGN_OR_RETURN(
        const auto standing,
        tx.follows.StandingOf(place, {ann_.str(), bob_.str(), stranger.str(), "nobody"}));
    EXPECT_EQ(standing.size(), 2u);
    for (const ThreadStanding& one : standing) {
      EXPECT_EQ(one.following, one.actor == ann_ ? Following::kFollows : Following::kUnfollowed);
    }
    return absl::OkStatus();
  });
}

TEST_P(StoreSuite, FollowedThreadsComeNewestReplyFirstAndALeaverHasNone) {
  std::vector<std::string> roots;
  for (int i = 0; i < 3; ++i) {
    const v1::Message root = MustPost(NewMessage(ann_, StrCat("root ", i)));
    roots.push_back(root.id());
    clock_.Advance(absl::Milliseconds(5));
    v1::Message reply = NewMessage(bob_, "reply");
    reply.set_thread_id(root.id());
    reply = MustPost(reply);
    MustCommit([&](WriteTx& tx) -> absl::Status {
      const ThreadPlace place{workspace_, general_, MessageId(root.id())};
      HEIM_RETURN_IF_ERROR(tx.follows.Set(place, ann_, Following::kFollows, reply.seq() - 1));
      return tx.messages.AddReply(place.root, reply, reply.seq());
    });
  }
  const auto list = [&](FollowedPage page) {
    std::vector<v1::ThreadState> found;
    MustRead([&](ReadTx& tx) -> absl::Status {
      HEIM_ASSIGN_OR_RETURN(found, tx.follows.ListFollowed(workspace_, ann_, page));
      return absl::OkStatus();
    });
    return found;
  };
  std::vector<v1::ThreadState> found = list({.before_id = "", .limit = 2});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].thread_id(), roots[2]);
  EXPECT_EQ(found[0].unread_count(), 1u);
  EXPECT_FALSE(found[0].has_last_read_at()) << "never read";
  found = list({.before_millis = absl::ToUnixMillis(FromTimestamp(found[1].last_reply_at())),
                .before_id = found[1].thread_id()});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].thread_id(), roots[0]);
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const bool moved,
                          tx.members.MarkThreadRead(MessageId(roots[1]), ann_, 100, clock_.Now()));
    EXPECT_TRUE(moved);
    HEIM_ASSIGN_OR_RETURN(const auto totals, tx.members.UnreadTotals(workspace_, ann_));
    EXPECT_EQ(totals.unread_threads(), 2u);
    EXPECT_EQ(totals.thread_unread_count(), 2u);
    HEIM_ASSIGN_OR_RETURN(const auto readable,
                          tx.follows.UnreadUpTo(workspace_, ann_, 1'000'000, 10));
    EXPECT_EQ(readable.size(), 2u);
    return absl::OkStatus();
  });
  EXPECT_EQ(list({.unread_only = true, .before_id = ""}).size(), 2u);
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto all, tx.follows.ListOfChannel(general_, bob_, 0, 10));
    EXPECT_EQ(all.size(), 3u);
    EXPECT_EQ(all.empty() ? "" : all.front().thread_id(), roots[2]);
    return absl::OkStatus();
  });
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.PeekPosition(workspace_));
    HEIM_RETURN_IF_ERROR(tx.members.Remove(general_, ann_, position));
    return tx.Emit(workspace_, SomeEvent(general_)).status();
  });
  EXPECT_TRUE(list({}).empty());
}

TEST_P(StoreSuite, CountsOfUnreadEndAtTheirLimit) {
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (int i = 0; i < 1005; ++i) {
      v1::Message message = NewMessage(ann_, "x");
      v1::Mention& mention = *message.add_mentions();
      mention.set_type(v1::MENTION_TYPE_CHANNEL);
      HEIM_RETURN_IF_ERROR(Post(tx, message));
    }
    return absl::OkStatus();
  });
  const std::pair<uint32_t, uint32_t> most(1000, 1000);
  EXPECT_EQ(Unread(), most);
}

TEST_P(StoreSuite, MarkUnreadMovesACursorBackOnly) {
  for (int i = 0; i < 4; ++i) MustPost(NewMessage(ann_, "x"));
  MustCommit([&](WriteTx& tx) -> absl::Status {
    EXPECT_TRUE(*tx.members.MarkRead(general_, bob_, 3, clock_.Now()));
    EXPECT_TRUE(*tx.members.MarkUnread(general_, bob_, 1));
    EXPECT_FALSE(*tx.members.MarkUnread(general_, bob_, 2));
    return absl::OkStatus();
  });
  EXPECT_EQ(Unread().first, 3u);
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(
        const auto some,
        tx.members.ReadStatesIn(workspace_, bob_, {std::string_view(general_.str()), "nothing"}));
    EXPECT_EQ(some.size(), 1u);
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
