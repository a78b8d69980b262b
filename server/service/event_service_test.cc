// The log as a poll reads it: pages, waiting, filters, and what a cursor that is no good gets.
#include "server/service/event_service.h"

#include <gmock/gmock.h>

#include "server/base/strings.h"
#include "server/model/page.h"
#include "server/service/chat_fixture.h"

namespace heim {
namespace {

using ::testing::ElementsAre;

class EventServiceTest : public ChatFixture {
 protected:
  absl::StatusOr<v1::ListEventsResponse> Poll(const Caller& caller,
                                              const v1::ListEventsRequest& request) {
    return Call(caller, &EventService::ListEvents, events_, request);
  }
  // Where the log ends for the caller.
  std::string CursorNow(const Caller& caller) {
    const auto now = Poll(caller, {});
    EXPECT_TRUE(now.ok()) << now.status();
    EXPECT_EQ(now->events_size(), 0) << "without a cursor a poll begins at the end";
    return now->cursor();
  }
};

std::vector<std::string> TextsOf(const v1::ListEventsResponse& page) {
  std::vector<std::string> texts;
  for (const v1::Event& event : page.events()) {
    texts.push_back(event.message_new().message().content());
  }
  return texts;
}

TEST_F(EventServiceTest, APollGoesOnFromItsCursorAPageAtATime) {
  v1::ListEventsRequest request;
  request.set_cursor(CursorNow(bob_));
  for (int i = 1; i <= 5; ++i) ASSERT_TRUE(Send(ann_, general_, StrCat(i)).ok());
  request.set_limit(2);
  auto page = Poll(bob_, request);
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(TextsOf(*page), ElementsAre("1", "2"));
  EXPECT_TRUE(page->has_more());
  request.set_cursor(page->cursor());
  page = Poll(bob_, request);
  EXPECT_THAT(TextsOf(*page), ElementsAre("3", "4"));
  request.set_cursor(page->cursor());
  request.set_limit(10);
  page = Poll(bob_, request);
  EXPECT_THAT(TextsOf(*page), ElementsAre("5"));
  EXPECT_FALSE(page->has_more());
  request.set_cursor(page->cursor());
  EXPECT_EQ(Poll(bob_, request)->events_size(), 0);
}

TEST_F(EventServiceTest, AWaitingPollAnswersWithWhatComes) {
  v1::ListEventsRequest request;
  request.set_cursor(CursorNow(bob_));
  request.set_wait_ms(30'000);
  CallContext context;
  context.caller = bob_;
  Waiter<v1::ListEventsResponse> waiter;
  events_->ListEvents(context, request, waiter.MakeReply());
  ASSERT_TRUE(Send(ann_, general_, "at last").ok());
  const auto page = waiter.Take();
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_THAT(TextsOf(*page), ElementsAre("at last"));
}

TEST_F(EventServiceTest, AWaitThatNothingEndsEndsByItself) {
  v1::ListEventsRequest request;
  request.set_cursor(CursorNow(bob_));
  request.set_wait_ms(5'000);
  CallContext context;
  context.caller = bob_;
  Waiter<v1::ListEventsResponse> waiter;
  events_->ListEvents(context, request, waiter.MakeReply());
  // The clock moves until the wait, which begins in another thread, has run out.
  for (int i = 0; i < 10'000 && !waiter.done(); ++i) {
    clock_.Advance(absl::Seconds(1));
    std::this_thread::yield();
  }
  const auto page = waiter.Take();
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->events_size(), 0);
  EXPECT_EQ(page->cursor(), request.cursor());
}

TEST_F(EventServiceTest, NobodyPollsWhatItMayNotSee) {
  const std::string id = CreateChannel(ann_, "secret", v1::CHANNEL_TYPE_PRIVATE)->id();
  v1::ListEventsRequest request;
  request.set_cursor(CursorNow(bob_));
  ASSERT_TRUE(Send(ann_, id, "psst").ok());
  EXPECT_EQ(Poll(bob_, request)->events_size(), 0);
  EXPECT_THAT(TextsOf(*Poll(ann_, request)), ElementsAre("psst"));
  request.add_channel_ids(id);
  EXPECT_EQ(ReasonOf(Poll(bob_, request).status()), v1::ERROR_REASON_CHANNEL_NOT_FOUND);
}

TEST_F(EventServiceTest, ADeletedMessageIsReplayedAsItsTombstone) {
  v1::ListEventsRequest request;
  request.set_cursor(CursorNow(bob_));
  const std::string id = Send(ann_, general_, "regret")->id();
  ASSERT_TRUE(Delete(ann_, id).ok());
  v1::ListEventsRequest deletions = request;
  deletions.add_types("message.deleted");
  deletions.set_wait_ms(30'000);
  ASSERT_EQ(Poll(ann_, deletions)->events_size(), 1) << "live readers have heard of it";
  const auto page = Poll(bob_, request);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->events_size(), 2);
  EXPECT_TRUE(page->events(0).message_new().message().has_deleted_at());
  EXPECT_EQ(page->SerializeAsString().find("regret"), std::string::npos);
}

TEST_F(EventServiceTest, ACursorThatIsNoGoodIsAResetAndNotAnError) {
  v1::ListEventsRequest request;
  for (const auto& [cursor, reason] :
       {std::pair("garbage", "invalid_cursor"), std::pair("other.1", "epoch_changed"),
        std::pair("e1.999999", "cursor_in_future")}) {
    request.set_cursor(cursor);
    const auto page = Poll(bob_, request);
    ASSERT_TRUE(page.ok()) << page.status();
    EXPECT_EQ(page->reset().reason(), reason);
    EXPECT_TRUE(LogCursor::Parse(page->cursor()).ok()) << page->cursor();
  }
}

}  // namespace
}  // namespace heim
