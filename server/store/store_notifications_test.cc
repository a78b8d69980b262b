// Inboxes, notification settings and the cursors of jobs: what every driver must keep.
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/store/store_inbox_suite.h"

namespace heim {
namespace {

TEST_P(InboxSuite, AnItemIsStoredOnceForEachReaderAndMessage) {
  const v1::Message message = Say("see");
  const NewInboxItem first = ItemFor(message);
  const auto stored = Add(first);
  ASSERT_TRUE(stored.has_value());
  EXPECT_FALSE(stored->has_seen_at());
  EXPECT_FALSE(Add(ItemFor(message)).has_value());
  MustRead([&](ReadTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto items, tx.inbox.List(Bob(), {}));
    EXPECT_EQ(items.size(), 1u);
    EXPECT_EQ(items.at(0).id(), first.item.id());
    EXPECT_EQ(items.at(0).actor().username(), "ann");
    EXPECT_FALSE(items.at(0).has_thread_id());
    return absl::OkStatus();
  });
}

TEST_P(InboxSuite, WhoReadTheMessageBeforeHasSeenItsItem) {
  const v1::Message message = Say("see");
  const v1::Message edited = Say("edited later");
  MustCommit([&](WriteTx& tx) {
    return tx.members.MarkRead(general_, bob_, edited.seq(), clock_.Now()).status();
  });
  EXPECT_TRUE(Add(ItemFor(message))->has_seen_at());
  NewInboxItem anew = ItemFor(edited);
  anew.read_counts = false;
  EXPECT_FALSE(Add(anew)->has_seen_at());
  v1::Message reply = NewMessage(ann_, "reply");
  reply.set_thread_id(message.id());
  reply = MustPost(reply);
  EXPECT_FALSE(Add(ItemFor(reply))->has_seen_at());
  EXPECT_EQ(Unseen(), 2u);
}

TEST_P(InboxSuite, NothingIsStoredForWhoIsNotThereOrWhatIsGone) {
  const v1::Message message = Say("see");
  MustCommit([&](WriteTx& tx) -> absl::Status {
    const InboxOwner stranger{workspace_, ActorId("stranger")};
    HEIM_ASSIGN_OR_RETURN(const auto stored,
                          tx.inbox.Insert(stranger, ItemFor(message), clock_.Now()));
    EXPECT_FALSE(stored.has_value());
    return absl::OkStatus();
  });
  EXPECT_FALSE(Add(ItemFor(message, 0)).has_value()) << "said before bob came";
  MustCommit([&](WriteTx& tx) -> absl::Status {
    v1::Message gone = message;
    gone.clear_content();
    *gone.mutable_deleted_at() = ToTimestamp(clock_.Now());
    return tx.messages.Update(gone, 0);
  });
  EXPECT_FALSE(Add(ItemFor(message)).has_value());
}

TEST_P(InboxSuite, PagesAreNewestFirstAndFiltered) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    NewInboxItem added = ItemFor(Say(StrCat("m", i)));
    if (i == 2) added.item.set_reason(v1::INBOX_REASON_KEYWORD);
    ids.insert(ids.begin(), added.item.id());
    ASSERT_TRUE(Add(added).has_value());
  }
  EXPECT_EQ(Listed(), ids);
  InboxFilter page;
  page.limit = 2;
  page.before_id = ids[1];
  EXPECT_EQ(Listed(page), (std::vector<std::string>{ids[2], ids[3]}));
  InboxFilter keyword;
  keyword.reason = v1::INBOX_REASON_KEYWORD;
  EXPECT_EQ(Listed(keyword), std::vector<std::string>{ids[2]});
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto seen,
                          tx.inbox.MarkSeen(Bob(), {ids[0], ids[0], "none"}, clock_.Now()));
    EXPECT_EQ(seen, std::vector<std::string>{ids[0]});
    HEIM_ASSIGN_OR_RETURN(const auto until, tx.inbox.MarkSeenUntil(Bob(), ids[3], clock_.Now()));
    EXPECT_EQ(until.size(), 2u);
    return absl::OkStatus();
  });
  InboxFilter unseen;
  unseen.unseen = true;
  EXPECT_EQ(Listed(unseen), (std::vector<std::string>{ids[1], ids[2]}));
  EXPECT_EQ(Unseen(), 2u);
}

TEST_P(InboxSuite, ReadingMarksWhatLiesUpToTheCursorInItsPlace) {
  const v1::Message root = Say("root");
  v1::Message reply = NewMessage(ann_, "reply");
  reply.set_thread_id(root.id());
  reply = MustPost(reply);
  const v1::Message later = Say("later");
  for (const v1::Message& message : {root, reply, later}) Add(ItemFor(message));
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(auto seen,
                          tx.inbox.MarkRead(Bob(), general_, "", reply.seq(), clock_.Now()));
    EXPECT_EQ(seen.size(), 1u) << "the root";
    HEIM_ASSIGN_OR_RETURN(seen,
                          tx.inbox.MarkRead(Bob(), general_, root.id(), later.seq(), clock_.Now()));
    EXPECT_EQ(seen.size(), 1u) << "the reply";
    return absl::OkStatus();
  });
  EXPECT_EQ(Unseen(), 1u);
}

TEST_P(InboxSuite, OnlyTheNewestAreKept) {
  std::vector<NewInboxItem> items;
  for (int i = 0; i < 5; ++i) {
    items.push_back(ItemFor(Say("m")));
    Add(items.back());
  }
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(auto removed, tx.inbox.Trim(Bob(), 5));
    EXPECT_TRUE(removed.empty());
    HEIM_ASSIGN_OR_RETURN(removed, tx.inbox.Trim(Bob(), 3));
    EXPECT_EQ(removed.size(), 2u);
    return absl::OkStatus();
  });
  EXPECT_EQ(Listed(),
            (std::vector<std::string>{items[4].item.id(), items[3].item.id(), items[2].item.id()}));
}

TEST_P(InboxSuite, ItemsGoWithTheirMessageChannelOrAge) {
  const v1::Message first = Say("first");
  Add(ItemFor(first, 50));
  clock_.Advance(absl::Hours(1));
  Add(ItemFor(Say("second"), 60));
  Add(ItemFor(Say("third"), 70));
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const auto oldest, tx.inbox.OldestItem());
    EXPECT_EQ(oldest, clock_.Now() - absl::Hours(1));
    HEIM_ASSIGN_OR_RETURN(const auto owners, tx.inbox.OwnersBefore(clock_.Now(), 10));
    EXPECT_EQ(owners.size(), 1u);
    HEIM_ASSIGN_OR_RETURN(auto removed, tx.inbox.RemoveBefore(Bob(), clock_.Now()));
    EXPECT_EQ(removed.size(), 1u);
    HEIM_ASSIGN_OR_RETURN(removed, tx.inbox.RemoveMessage(Bob(), MessageId(first.id())));
    EXPECT_TRUE(removed.empty());
    HEIM_ASSIGN_OR_RETURN(removed, tx.inbox.RemoveChannel(Bob(), general_, 70));
    EXPECT_EQ(removed.size(), 1u) << "the second, not what came after";
    HEIM_ASSIGN_OR_RETURN(const auto left, tx.inbox.OwnersByChannel(general_));
    EXPECT_EQ(left, std::vector<ActorId>{bob_});
    HEIM_ASSIGN_OR_RETURN(removed, tx.inbox.RemoveAll(Bob(), 71));
    EXPECT_EQ(removed.size(), 1u);
    return absl::OkStatus();
  });
}

TEST_P(InboxSuite, SettingsAreFoundForTheMembersOfAChannel) {
  const NotifiedPlace channel{general_, ""};
  const NotifiedPlace thread{general_, "root"};
  MustCommit([&](WriteTx& tx) -> absl::Status {
    v1::NotificationPreferences preferences;
    preferences.set_level(v1::NOTIFICATION_LEVEL_ALL);
    preferences.set_revision(2);
    HEIM_RETURN_IF_ERROR(tx.notifications.SetPreferences(workspace_, ann_, preferences));
    HEIM_RETURN_IF_ERROR(
        tx.notifications.SetLevel(workspace_, bob_, channel, v1::NOTIFICATION_LEVEL_NONE));
    HEIM_RETURN_IF_ERROR(
        tx.notifications.SetLevel(workspace_, bob_, thread, v1::NOTIFICATION_LEVEL_ALL));
    HEIM_ASSIGN_OR_RETURN(const auto in_channel, tx.notifications.ListenersTo(workspace_, channel));
    EXPECT_EQ(in_channel, std::vector<ActorId>{ann_});
    HEIM_ASSIGN_OR_RETURN(auto in_thread, tx.notifications.ListenersTo(workspace_, thread));
    EXPECT_EQ(in_thread.size(), 2u);
    HEIM_ASSIGN_OR_RETURN(const auto members,
                          tx.notifications.MembersAmong(workspace_, thread, {bob_, bob_}));
    EXPECT_FALSE(members.empty());
    EXPECT_EQ(members.at(0).channel_level, v1::NOTIFICATION_LEVEL_NONE);
    EXPECT_EQ(members.at(0).thread_level, v1::NOTIFICATION_LEVEL_ALL);
    HEIM_ASSIGN_OR_RETURN(const auto all, tx.notifications.MembersOf(workspace_, channel));
    EXPECT_EQ(all.size(), 2u);
    for (const NotifiedMember& member : all) {
      EXPECT_EQ(member.thread_level, v1::NOTIFICATION_LEVEL_UNSPECIFIED);
      EXPECT_EQ(member.preferences.revision(), member.actor_id == ann_ ? 2u : 0u);
    }
    return absl::OkStatus();
  });
}

TEST_P(InboxSuite, LevelsAreListedInOrderAndForgottenWithTheChannel) {
  const ChannelId other = AddChannel("other", {bob_});
  MustCommit([&](WriteTx& tx) -> absl::Status {
    for (const auto& [channel, thread] :
         {std::pair(general_, ""), std::pair(general_, "root"), std::pair(other, "")}) {
      HEIM_RETURN_IF_ERROR(tx.notifications.SetLevel(workspace_, bob_, {channel, thread},
                                                     v1::NOTIFICATION_LEVEL_ALL));
    }
    HEIM_RETURN_IF_ERROR(tx.notifications.SetLevel(workspace_, bob_, {ChannelId("elsewhere"), ""},
                                                   v1::NOTIFICATION_LEVEL_ALL));
    HEIM_ASSIGN_OR_RETURN(const auto levels, tx.notifications.Levels(workspace_, bob_, {}, 10));
    EXPECT_EQ(levels.size(), 3u);
    EXPECT_EQ(levels.at(0).channel_id(), general_.str());
    EXPECT_FALSE(levels.at(0).has_thread_id());
    EXPECT_EQ(levels.at(1).thread_id(), "root");
    HEIM_ASSIGN_OR_RETURN(const auto rest,
                          tx.notifications.Levels(workspace_, bob_, {general_, "root"}, 10));
    EXPECT_EQ(rest.size(), 1u);
    HEIM_ASSIGN_OR_RETURN(int64_t count, tx.notifications.CountLevels(workspace_, bob_));
    EXPECT_EQ(count, 4);
    HEIM_RETURN_IF_ERROR(tx.notifications.ForgetChannel(general_, bob_));
    HEIM_ASSIGN_OR_RETURN(count, tx.notifications.CountLevels(workspace_, bob_));
    EXPECT_EQ(count, 2);
    HEIM_RETURN_IF_ERROR(tx.notifications.SetLevel(workspace_, bob_, {other, ""},
                                                   v1::NOTIFICATION_LEVEL_UNSPECIFIED));
    HEIM_RETURN_IF_ERROR(tx.notifications.ForgetWorkspace(workspace_, bob_));
    HEIM_ASSIGN_OR_RETURN(count, tx.notifications.CountLevels(workspace_, bob_));
    EXPECT_EQ(count, 0);
    return absl::OkStatus();
  });
}

TEST_P(InboxSuite, CursorsOfJobsMoveOnlyFromWhereTheyStand) {
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(bool moved, tx.jobs.Move("job", workspace_, 0, 7));
    EXPECT_TRUE(moved);
    HEIM_ASSIGN_OR_RETURN(moved, tx.jobs.Move("job", workspace_, 0, 9));
    EXPECT_FALSE(moved);
    HEIM_ASSIGN_OR_RETURN(moved, tx.jobs.Move("job", workspace_, 7, 9));
    EXPECT_TRUE(moved);
    HEIM_ASSIGN_OR_RETURN(const uint64_t position, tx.jobs.Get("job", workspace_));
    EXPECT_EQ(position, 9u);
    HEIM_ASSIGN_OR_RETURN(const auto cursors, tx.jobs.List("other job"));
    EXPECT_EQ(cursors.size(), 1u);
    EXPECT_EQ(cursors.at(0).position, 0u);
    return absl::OkStatus();
  });
}

}  // namespace
}  // namespace heim
