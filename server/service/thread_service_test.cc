// Following threads through the handlers.
#include "server/service/thread_service.h"

#include <gmock/gmock.h>

#include "server/base/strings.h"
#include "server/model/page.h"
#include "server/service/chat_fixture.h"

namespace heim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class ThreadServiceTest : public ChatFixture {
 protected:
  absl::StatusOr<v1::ThreadState> Follow(const Caller& caller, const std::string& message) {
    v1::FollowThreadRequest request;
    request.set_message_id(message);
    auto answer = Call(caller, &ThreadService::FollowThread, threads_, request);
    if (!answer.ok()) return answer.status();
    return answer->thread();
  }
  absl::StatusOr<v1::ThreadState> Unfollow(const Caller& caller, const std::string& message) {
    v1::UnfollowThreadRequest request;
    request.set_message_id(message);
    auto answer = Call(caller, &ThreadService::UnfollowThread, threads_, request);
    if (!answer.ok()) return answer.status();
    return answer->thread();
  }
  absl::StatusOr<v1::ThreadState> StateOf(const Caller& caller, const std::string& message) {
    v1::GetThreadStateRequest request;
    request.set_message_id(message);
    auto answer = Call(caller, &ThreadService::GetThreadState, threads_, request);
    if (!answer.ok()) return answer.status();
    return answer->thread();
  }
  bool Follows(const Caller& caller, const std::string& root) {
    return StateOf(caller, root)->following();
  }
  v1::ListFollowedThreadsResponse Inbox(const Caller& caller, bool unread = false,
                                        uint32_t limit = 0, const std::string& cursor = {}) {
    v1::ListFollowedThreadsRequest request;
    request.set_unread(unread);
    request.set_limit(limit);
    request.set_cursor(cursor);
    auto answer = Call(caller, &ThreadService::ListFollowedThreads, threads_, request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : v1::ListFollowedThreadsResponse();
  }
  std::vector<std::string> IdsOf(const v1::ListFollowedThreadsResponse& list) {
    std::vector<std::string> ids;
    for (const v1::ThreadState& thread : list.threads()) ids.push_back(thread.thread_id());
    return ids;
  }
  absl::StatusOr<v1::MarkThreadsReadResponse> MarkAll(const Caller& caller,
                                                      const std::string& up_to) {
    v1::MarkThreadsReadRequest request;
    request.set_up_to(up_to);
    return Call(caller, &ThreadService::MarkThreadsRead, threads_, request);
  }
  // Names of those who heard thread.updated since the last call.
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    const std::vector<v1::Event> all = tape_.events();
    for (; heard_ < all.size(); ++heard_) {
      if (all[heard_].payload_case() != v1::Event::kThreadUpdated) continue;
      for (const Caller* who : {&olga_, &ada_, &ann_, &bob_, &bot_, &gus_}) {
        if (who->actor_id.str() == all[heard_].to_actor_id()) {
          told.push_back(who->actor.username());
        }
      }
    }
    return told;
  }

  size_t heard_ = 0;
};

TEST_F(ThreadServiceTest, AuthorReplierAndMentionedFollowFromTheReplyOn) {
  const std::string root = Send(ann_, general_, "a plan for @bot")->id();
  EXPECT_FALSE(Follows(ann_, root)) << "no thread yet";
  const std::string reply = Send(bob_, general_, "@ada look", root)->id();
  EXPECT_THAT(Told(), UnorderedElementsAre("ann", "bob", "ada", "bot"));
  EXPECT_FALSE(Follows(olga_, root));
  for (const Caller* who : {&ann_, &ada_, &bot_}) {
    const auto state = StateOf(*who, reply);
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_TRUE(state->following());
    EXPECT_EQ(state->unread_count(), 1u) << who->actor.username();
    EXPECT_EQ(state->mention_count(), who == &ada_ ? 1u : 0u);
    EXPECT_EQ(state->thread_id(), root) << "a reply stands for its root";
  }
  EXPECT_EQ(StateOf(bob_, root)->unread_count(), 0u) << "its own";
  ASSERT_TRUE(Send(ann_, general_, "more", root).ok());
  EXPECT_THAT(Told(), IsEmpty()) << "no event for each follower and reply";
  EXPECT_EQ(StateOf(bob_, root)->unread_count(), 1u);
  ASSERT_TRUE(Send(olga_, general_, "late", root).ok());
  EXPECT_EQ(StateOf(olga_, root)->unread_count(), 0u) << "what was said before is not news";
}

TEST_F(ThreadServiceTest, UnfollowSticksUntilMentionedAgain) {
  const std::string root = Send(ann_, general_, "root")->id();
  ASSERT_TRUE(Send(bob_, general_, "one", root).ok());
  Told();
  EXPECT_FALSE(Unfollow(ann_, root)->following());
  EXPECT_THAT(Told(), ElementsAre("ann"));
  EXPECT_FALSE(Unfollow(ann_, root)->following());
  ASSERT_TRUE(Send(bob_, general_, "two", root).ok());
  ASSERT_TRUE(Send(ann_, general_, "her own", root).ok());
  EXPECT_THAT(Told(), IsEmpty());
  EXPECT_THAT(IdsOf(Inbox(ann_)), IsEmpty());
  ASSERT_TRUE(Send(bob_, general_, "@channel", root).ok());
  EXPECT_FALSE(Follows(ann_, root)) << "a group's name is not hers";
  ASSERT_TRUE(Send(bob_, general_, "@ann?", root).ok());
  EXPECT_THAT(Told(), ElementsAre("ann"));
  EXPECT_EQ(StateOf(ann_, root)->unread_count(), 4u) << "the cursor stayed where it was";
}

TEST_F(ThreadServiceTest, AnEditThatMentionsSomebodyNewMakesThemFollow) {
  const std::string root = Send(ann_, general_, "root")->id();
  const std::string reply = Send(bob_, general_, "one @ada", root)->id();
  ASSERT_TRUE(Unfollow(ada_, root).ok());
  Told();
  ASSERT_TRUE(Edit(bob_, reply, "one @ada and @olga").ok());
  EXPECT_THAT(Told(), ElementsAre("olga")) << "an old mention calls nobody again";
  EXPECT_EQ(StateOf(olga_, root)->mention_count(), 1u);
  ASSERT_TRUE(Edit(ann_, root, "root for @bot").ok());
  EXPECT_THAT(Told(), ElementsAre("bot"));
  const std::string alone = Send(ann_, general_, "no thread")->id();
  ASSERT_TRUE(Edit(ann_, alone, "no thread, @bot").ok());
  EXPECT_THAT(Told(), IsEmpty());
}

TEST_F(ThreadServiceTest, OnlyMembersFollow) {
  const auto place = CreateChannel(ann_, "dev");
  const std::string root = Send(ann_, place->id(), "for @bob")->id();
  ASSERT_TRUE(Send(ann_, place->id(), "@bob", root).ok());
  EXPECT_FALSE(Follows(bob_, root)) << "he may read it and is not in it";
  EXPECT_EQ(ReasonOf(Follow(bob_, root).status()), v1::ERROR_REASON_CHANNEL_ROLE_REQUIRED);
  const auto secret = CreateChannel(ann_, "secret", v1::CHANNEL_TYPE_PRIVATE);
  const std::string hidden = Send(ann_, secret->id(), "hidden")->id();
  EXPECT_EQ(ReasonOf(Follow(bob_, hidden).status()), v1::ERROR_REASON_MESSAGE_NOT_FOUND);
  EXPECT_EQ(ReasonOf(StateOf(bob_, hidden).status()), v1::ERROR_REASON_MESSAGE_NOT_FOUND);
  EXPECT_EQ(ReasonOf(Follow(bob_, "nonsense").status()), v1::ERROR_REASON_MESSAGE_NOT_FOUND);
}

TEST_F(ThreadServiceTest, WhoFollowsByHandHasNothingUnreadAndIsToldOnce) {
  const std::string root = Send(ann_, general_, "root")->id();
  ASSERT_TRUE(Send(ann_, general_, "one", root).ok());
  Told();
  EXPECT_EQ(Follow(olga_, root)->unread_count(), 0u);
  EXPECT_TRUE(Follow(olga_, root)->following());
  EXPECT_THAT(Told(), ElementsAre("olga"));
  ASSERT_TRUE(Send(ann_, general_, "two", root).ok());
  EXPECT_EQ(StateOf(olga_, root)->unread_count(), 1u);
}

TEST_F(ThreadServiceTest, LeavingEndsFollowingAndComingBackBeginsAnew) {
  const auto place = CreateChannel(ann_, "dev");
  ASSERT_TRUE(Join(bob_, place->id()).ok());
  const std::string root = Send(bob_, place->id(), "root")->id();
  ASSERT_TRUE(Send(ann_, place->id(), "one", root).ok());
  EXPECT_THAT(IdsOf(Inbox(bob_)), ElementsAre(root));
  ASSERT_TRUE(Leave(bob_, place->id()).ok());
  EXPECT_THAT(IdsOf(Inbox(bob_)), IsEmpty());
  ASSERT_TRUE(Send(ann_, place->id(), "two", root).ok());
  ASSERT_TRUE(Join(bob_, place->id()).ok());
  EXPECT_THAT(IdsOf(Inbox(bob_)), IsEmpty());
  ASSERT_TRUE(Send(ann_, place->id(), "three", root).ok());
  EXPECT_EQ(StateOf(bob_, root)->unread_count(), 1u);
}

TEST_F(ThreadServiceTest, TheInboxPagesNewestFirstAndShowsRoots) {
  std::vector<std::string> roots;
  for (int i = 0; i < 5; ++i) {
    roots.push_back(Send(ann_, general_, StrCat("root ", i))->id());
    if (i % 2 == 0) clock_.Advance(absl::Milliseconds(10));  // some at the same time
    ASSERT_TRUE(Send(bob_, general_, "reply", roots.back()).ok());
  }
  std::vector<std::string> seen;
  std::string cursor;
  do {
    const v1::ListFollowedThreadsResponse page = Inbox(ann_, false, 2, cursor);
    for (const v1::ThreadState& thread : page.threads()) {
      seen.push_back(thread.thread_id());
      EXPECT_EQ(thread.root().thread().reply_count(), 1u);
    }
    // A new reply between pages neither repeats nor hides another thread.
    if (cursor.empty()) {
      ASSERT_TRUE(Send(bob_, general_, "again", seen.front()).ok());
    }
    cursor = page.next_cursor();
  } while (!cursor.empty());
  std::vector<std::string> expected = roots;
  EXPECT_THAT(seen, ::testing::UnorderedElementsAreArray(expected));
  EXPECT_EQ(seen.front(), roots[4]);
  ASSERT_TRUE(Delete(ann_, roots[2]).ok());
  const auto after = Inbox(ann_);
  EXPECT_EQ(after.threads_size(), 5) << "replies stay under a tombstone";
  EXPECT_EQ(ReasonOf(Call(ann_, &ThreadService::ListFollowedThreads, threads_,
                          [] {
                            v1::ListFollowedThreadsRequest request;
                            request.set_cursor("nonsense");
                            return request;
                          }())
                         .status()),
            v1::ERROR_REASON_INVALID_CURSOR);
}

TEST_F(ThreadServiceTest, MarkingAllReadLosesNothingThatCameSince) {
  const std::string a = Send(ann_, general_, "a")->id();
  const std::string b = Send(ann_, general_, "b")->id();
  ASSERT_TRUE(Send(bob_, general_, "one", a).ok());
  ASSERT_TRUE(Send(bob_, general_, "two", b).ok());
  const std::string shown = Inbox(ann_, true).log_cursor();
  ASSERT_TRUE(Send(bob_, general_, "three", b).ok());
  tape_.TakeKinds();
  const auto marked = MarkAll(ann_, shown);
  ASSERT_TRUE(marked.ok()) << marked.status();
  EXPECT_EQ(marked->threads_size(), 2);
  EXPECT_THAT(tape_.TakeKinds(), ElementsAre(v1::Event::kReadUpdated, v1::Event::kReadUpdated));
  EXPECT_THAT(IdsOf(Inbox(ann_, true)), ElementsAre(b));
  EXPECT_EQ(StateOf(ann_, b)->unread_count(), 1u);
  EXPECT_EQ(MarkAll(ann_, shown)->threads_size(), 0);
  EXPECT_EQ(ReasonOf(MarkAll(ann_, "nonsense").status()), v1::ERROR_REASON_INVALID_CURSOR);
  EXPECT_EQ(ReasonOf(MarkAll(ann_, FormatLogCursor({"other", 1})).status()),
            v1::ERROR_REASON_INVALID_CURSOR);
}

TEST_F(ThreadServiceTest, AChannelsThreadsComeByTheirLastReply) {
  const std::string a = Send(ann_, general_, "a")->id();
  const std::string b = Send(ann_, general_, "b")->id();
  ASSERT_TRUE(Send(ann_, general_, "alone").ok());
  ASSERT_TRUE(Send(bob_, general_, "x", b).ok());
  ASSERT_TRUE(Send(bob_, general_, "x", a).ok());
  v1::ListThreadsRequest request;
  request.set_channel_id(general_);
  request.set_limit(1);
  auto page = Call(olga_, &ThreadService::ListThreads, threads_, request);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->threads_size(), 1);
  EXPECT_EQ(page->threads(0).root().content(), "a");
  EXPECT_FALSE(page->threads(0).following());
  request.set_cursor(page->next_cursor());
  page = Call(olga_, &ThreadService::ListThreads, threads_, request);
  ASSERT_EQ(page->threads_size(), 1);
  EXPECT_EQ(page->threads(0).thread_id(), b);
  EXPECT_FALSE(page->has_more());
  EXPECT_EQ(ReasonOf(Call(gus_, &ThreadService::ListThreads, threads_, request).status()),
            v1::ERROR_REASON_CHANNEL_NOT_FOUND);
}

TEST_F(ThreadServiceTest, AThreadOlderThanTheReadersHistoryDoesNotExistForIt) {
  const std::string place = CreateChannel(ann_, "dev")->id();
  const std::string root = Send(ann_, place, "old")->id();
  v1::UpdateChannelRequest update;
  update.set_channel_id(place);
  update.mutable_channel()->set_history_visibility(v1::HISTORY_VISIBILITY_SINCE_JOINING);
  ASSERT_TRUE(Call(ann_, &ChannelService::UpdateChannel, channels_, update).ok());
  ASSERT_TRUE(Join(bob_, place).ok());
  Told();
  ASSERT_TRUE(Send(ann_, place, "@bob", root).ok());
  EXPECT_THAT(Told(), ElementsAre("ann")) << "a mention shows nobody what is hidden";
  EXPECT_THAT(IdsOf(Inbox(bob_)), IsEmpty());
  v1::ListThreadsRequest list;
  list.set_channel_id(place);
  EXPECT_EQ(Call(bob_, &ThreadService::ListThreads, threads_, list)->threads_size(), 0);
  EXPECT_EQ(Call(ann_, &ThreadService::ListThreads, threads_, list)->threads_size(), 1);
  EXPECT_EQ(ReasonOf(Follow(bob_, root).status()), v1::ERROR_REASON_MESSAGE_NOT_FOUND);
  v1::MarkUnreadRequest unread;
  unread.set_channel_id(place);
  unread.set_message_id(root);
  EXPECT_EQ(ReasonOf(Call(bob_, &ReadStateService::MarkUnread, reads_, unread).status()),
            v1::ERROR_REASON_MESSAGE_NOT_FOUND);
  unread.clear_message_id();
  unread.set_seq(1);
  const auto marked = Call(bob_, &ReadStateService::MarkUnread, reads_, unread);
  ASSERT_TRUE(marked.ok()) << marked.status();
  EXPECT_EQ(marked->read_state().unread_count(), 0u) << "nothing hidden is counted";
}

TEST_F(ThreadServiceTest, AThreadWhoseRepliesAreGoneIsNoThread) {
  const std::string root = Send(ann_, general_, "root")->id();
  const std::string reply = Send(bob_, general_, "one", root)->id();
  ASSERT_TRUE(Delete(bob_, reply).ok());
  EXPECT_THAT(IdsOf(Inbox(ann_)), IsEmpty());
  EXPECT_EQ(StateOf(ann_, root)->unread_count(), 0u);
  ASSERT_TRUE(Send(bob_, general_, "two", root).ok());
  EXPECT_EQ(StateOf(ann_, root)->unread_count(), 1u);
}

TEST_F(ThreadServiceTest, AStreamedReplyCountsWhenItEnds) {
  const std::string root = Send(ann_, general_, "root")->id();
  const std::string stream = StartStream(bot_, general_, root)->id();
  ASSERT_TRUE(Append(bot_, stream, "for @bob").ok());
  EXPECT_FALSE(Follows(ann_, root));
  ASSERT_TRUE(FinishStream(bot_, stream).ok());
  EXPECT_EQ(StateOf(ann_, root)->unread_count(), 1u);
  EXPECT_EQ(StateOf(bob_, root)->mention_count(), 1u);
  EXPECT_TRUE(Follows(bot_, root)) << "an agent by the same rule";
}

}  // namespace
}  // namespace heim
