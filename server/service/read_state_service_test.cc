// Read cursors and unread counts through the handlers.
#include "server/service/read_state_service.h"

#include <gmock/gmock.h>

#include "server/base/strings.h"
#include "server/service/chat_fixture.h"

namespace heim {
namespace {

using ::testing::ElementsAre;

class ReadStateServiceTest : public ChatFixture {
 protected:
  absl::StatusOr<v1::ReadState> MarkRead(const Caller& caller, const std::string& channel,
                                         uint64_t seq, const std::string& thread = {}) {
    v1::MarkReadRequest request;
    request.set_channel_id(channel);
    request.set_seq(seq);
    if (!thread.empty()) request.set_thread_id(thread);
    auto answer = Call(caller, &ReadStateService::MarkRead, reads_, request);
    if (!answer.ok()) return answer.status();
    return answer->read_state();
  }
};

TEST_F(ReadStateServiceTest, UnreadIsWhatOthersSaidAtTopLevel) {
  const std::string root = Send(ann_, general_, "one @bob")->id();
  ASSERT_TRUE(Send(ann_, general_, "two @channel").ok());
  ASSERT_TRUE(Send(bob_, general_, "mine").ok());
  ASSERT_TRUE(Send(ann_, general_, "a reply @bob", root).ok());
  const std::string stream = StartStream(bot_, general_)->id();
  v1::ReadState state = ReadStateOf(bob_, general_);
  EXPECT_EQ(state.unread_count(), 2u);
  EXPECT_EQ(state.mention_count(), 2u);
  ASSERT_TRUE(Append(bot_, stream, "x").ok());
  ASSERT_TRUE(FinishStream(bot_, stream).ok());
  EXPECT_EQ(ReadStateOf(bob_, general_).unread_count(), 3u) << "a streamed one when it ends";
  ASSERT_TRUE(Delete(ann_, root).ok());
  state = ReadStateOf(bob_, general_);
  EXPECT_EQ(state.unread_count(), 2u);
  EXPECT_EQ(state.mention_count(), 1u);
  EXPECT_EQ(ReadStateOf(bob_, general_, root).unread_count(), 1u) << "the thread counts apart";
}

TEST_F(ReadStateServiceTest, ACursorMovesForwardOnlyAndTellsOwnSessions) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Send(ann_, general_, "x").ok());
  tape_.TakeKinds();
  auto state = MarkRead(bob_, general_, 2);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->last_read_seq(), 2u);
  EXPECT_EQ(state->unread_count(), 1u);
  EXPECT_EQ(MarkRead(bob_, general_, 1)->last_read_seq(), 2u);
  EXPECT_THAT(tape_.TakeKinds(), ElementsAre(v1::Event::kReadUpdated));
  EXPECT_EQ(tape_.events().back().to_actor_id(), bob_.actor_id.str());
  EXPECT_EQ(MarkRead(bob_, general_, 1000)->last_read_seq(), 3u) << "no further than there is";
  EXPECT_EQ(ReasonOf(MarkRead(gus_, general_, 1).status()), v1::ERROR_REASON_CHANNEL_NOT_FOUND);
}

TEST_F(ReadStateServiceTest, EitherMessageOrSeqIsNamed) {
  const std::string id = Send(ann_, general_, "x")->id();
  v1::MarkReadRequest request;
  request.set_channel_id(general_);
  EXPECT_EQ(ReasonOf(Call(bob_, &ReadStateService::MarkRead, reads_, request).status()),
            v1::ERROR_REASON_INVALID_ARGUMENT);
  request.set_message_id(id);
  const auto marked = Call(bob_, &ReadStateService::MarkRead, reads_, request);
  ASSERT_TRUE(marked.ok()) << marked.status();
  EXPECT_EQ(marked->read_state().last_read_seq(), 1u);
  request.set_message_id(ids_.NewId());
  EXPECT_EQ(ReasonOf(Call(bob_, &ReadStateService::MarkRead, reads_, request).status()),
            v1::ERROR_REASON_MESSAGE_NOT_FOUND);
}

TEST_F(ReadStateServiceTest, ThreadsHaveCursorsOfTheirOwn) {
  const std::string root = Send(ann_, general_, "root")->id();
  ASSERT_TRUE(Send(ann_, general_, "one", root).ok());
  ASSERT_TRUE(Send(ann_, general_, "two", root).ok());
  const auto state = MarkRead(bob_, general_, 2, root);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->thread_id(), root);
  EXPECT_EQ(state->unread_count(), 1u);
  EXPECT_EQ(ReadStateOf(bob_, general_).last_read_seq(), 0u);
  EXPECT_EQ(ReasonOf(MarkRead(bob_, general_, 1, ids_.NewId()).status()),
            v1::ERROR_REASON_MESSAGE_NOT_FOUND);
}

TEST_F(ReadStateServiceTest, WhoJoinsHasReadWhatWasThere) {
  const std::string id = CreateChannel(ann_, "open")->id();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Send(ann_, id, "x").ok());
  ASSERT_TRUE(Join(bob_, id).ok());
  EXPECT_EQ(ReadStateOf(bob_, id).unread_count(), 0u);
  ASSERT_TRUE(Send(ann_, id, "y").ok());
  EXPECT_EQ(ReadStateOf(bob_, id).unread_count(), 1u);
}

TEST_F(ReadStateServiceTest, PagesOfStatesHoldEveryChannelOnce) {
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(CreateChannel(ann_, StrCat("c", i)).ok());
  v1::ListReadStatesRequest request;
  request.set_limit(2);
  std::vector<std::string> seen;
  do {
    const auto page = Call(ann_, &ReadStateService::ListReadStates, reads_, request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const v1::ReadState& state : page->read_states()) seen.push_back(state.channel_id());
    request.set_cursor(page->next_cursor());
  } while (!request.cursor().empty());
  EXPECT_EQ(seen.size(), 5u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

}  // namespace
}  // namespace heim
