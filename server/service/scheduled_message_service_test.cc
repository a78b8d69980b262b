// Goal: a scheduled message is its author's alone until it is sent, once, with the rights of that
// moment; its text leaves no trace. Method: handlers over a real store, a clock moved by hand; what
// a job would do at the due time is done by the test.
#include "server/service/scheduled_message_service.h"

#include <memory>
#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/time.h"
#include "server/service/chat_fixture.h"
#include "server/service/scheduled_sending.h"

namespace heim {
namespace {

using Texts = std::vector<std::string>;

class ScheduledMessageTest : public ChatFixture {
 protected:
  void SetUp() override {
    ChatFixture::SetUp();
    service_ = std::make_unique<ScheduledMessageService>(*store_, clock_, ids_, *presence_,
                                                         [this](absl::Time at) { woken_ = at; });
  }
  void TearDown() override {
    service_.reset();
    ChatFixture::TearDown();
  }

  absl::StatusOr<v1::ScheduledMessage> Schedule(const Caller& caller, const std::string& channel,
                                                const std::string& text,
                                                absl::Duration ahead = absl::Hours(1),
                                                const std::string& thread = {}) {
    v1::ScheduleMessageRequest request;
    request.set_channel_id(channel);
    request.set_content(text);
    if (!thread.empty()) request.set_thread_id(thread);
    *request.mutable_send_at() = ToTimestamp(clock_.Now() + ahead);
    const auto response =
        Call(caller, &ScheduledMessageService::ScheduleMessage, service_, request);
    if (!response.ok()) return response.status();
    return response->scheduled_message();
  }
  absl::StatusOr<v1::ScheduledMessage> Update(const Caller& caller, const std::string& id,
                                              const v1::ScheduledMessage& to) {
    v1::UpdateScheduledMessageRequest request;
    request.set_scheduled_message_id(id);
    *request.mutable_scheduled_message() = to;
    const auto response =
        Call(caller, &ScheduledMessageService::UpdateScheduledMessage, service_, request);
    if (!response.ok()) return response.status();
    return response->scheduled_message();
  }
  absl::StatusOr<v1::ScheduledMessage> Cancel(const Caller& caller, const std::string& id) {
    v1::CancelScheduledMessageRequest request;
    request.set_scheduled_message_id(id);
    const auto response =
        Call(caller, &ScheduledMessageService::CancelScheduledMessage, service_, request);
    if (!response.ok()) return response.status();
    return response->scheduled_message();
  }
  absl::StatusOr<v1::ScheduledMessage> SendNow(const Caller& caller, const std::string& id) {
    v1::SendScheduledNowRequest request;
    request.set_scheduled_message_id(id);
    const auto response =
        Call(caller, &ScheduledMessageService::SendScheduledNow, service_, request);
    if (!response.ok()) return response.status();
    return response->scheduled_message();
  }
  absl::StatusOr<v1::ScheduledMessage> Fetch(const Caller& caller, const std::string& id) {
    v1::GetScheduledMessageRequest request;
    request.set_scheduled_message_id(id);
    const auto response =
        Call(caller, &ScheduledMessageService::GetScheduledMessage, service_, request);
    if (!response.ok()) return response.status();
    return response->scheduled_message();
  }
  // Sends it as the job would.
  absl::Status Fire(const std::string& id) {
    std::optional<absl::Status> outcome;
    Draft draft;
    draft.apply = [&](WriteTx& tx) { return SendDue(tx, id, {clock_.Now(), ids_.NewId()}); };
    store_->Commit(std::move(draft),
                   [&](absl::StatusOr<Committed> committed) { outcome = committed.status(); });
    Settle();
    return outcome.value_or(absl::UnknownError("no outcome"));
  }
  Texts LoggedTexts() {
    Texts texts;
    for (const v1::Event& event : ReadLog()) {
      if (!event.has_scheduled_message_updated()) continue;
      EXPECT_EQ(event.to_actor_id(), ann_.actor_id.str());
      EXPECT_EQ(event.channel_id(), "");
      texts.push_back(event.scheduled_message_updated().scheduled_message().content());
    }
    return texts;
  }

  std::unique_ptr<ScheduledMessageService> service_;
  absl::Time woken_;
};

TEST_F(ScheduledMessageTest, ItBecomesAMessageOfItsAuthorAtItsTime) {
  const std::string root = Send(bob_, general_, "root")->id();
  const auto made = Schedule(ann_, general_, "Later,\r\n@bob", absl::Hours(1), root);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->content(), "Later,\n@bob");
  EXPECT_EQ(made->state(), v1::SCHEDULED_STATE_PENDING);
  EXPECT_EQ(made->revision(), 1u);
  EXPECT_EQ(absl::ToUnixMillis(woken_), absl::ToUnixMillis(clock_.Now() + absl::Hours(1)));
  EXPECT_TRUE(Fire(made->id()).ok());
  EXPECT_EQ(Fetch(ann_, made->id())->state(), v1::SCHEDULED_STATE_PENDING) << "not before";
  clock_.Advance(absl::Hours(1));
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(Fire(made->id()).ok());
  const auto sent = Fetch(ann_, made->id());
  EXPECT_EQ(sent->state(), v1::SCHEDULED_STATE_SENT);
  EXPECT_EQ(sent->content(), "");
  const auto message = Get(bob_, sent->message_id());
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->content(), "Later,\n@bob");
  EXPECT_EQ(message->thread_id(), root);
  EXPECT_EQ(message->actor().id(), ann_.actor_id.str());
  EXPECT_EQ(message->mentions_size(), 1);
  EXPECT_EQ(Get(bob_, root)->thread().reply_count(), 1u) << "sent once";
  EXPECT_EQ(LoggedTexts(), Texts({"", ""}));
}

TEST_F(ScheduledMessageTest, TimesAreBounded) {
  for (const absl::Duration bad : {-absl::Hours(1), absl::Seconds(10) - absl::Milliseconds(1),
                                   kScheduleAheadMax + absl::Seconds(1)}) {
    EXPECT_EQ(ReasonOf(Schedule(ann_, general_, "x", bad).status()),
              v1::ERROR_REASON_INVALID_ARGUMENT);
  }
  EXPECT_TRUE(Schedule(ann_, general_, "x", absl::Seconds(10)).ok());
  EXPECT_TRUE(Schedule(ann_, general_, "x", kScheduleAheadMax).ok());
}

TEST_F(ScheduledMessageTest, NobodyElseKnowsOfIt) {
  const std::string id = Schedule(ann_, general_, "private")->id();
  for (const Caller* other : {&bob_, &olga_, &gus_}) {
    EXPECT_EQ(ReasonOf(Fetch(*other, id).status()), v1::ERROR_REASON_SCHEDULED_MESSAGE_NOT_FOUND);
    EXPECT_EQ(ReasonOf(Cancel(*other, id).status()), v1::ERROR_REASON_SCHEDULED_MESSAGE_NOT_FOUND);
    EXPECT_EQ(ReasonOf(SendNow(*other, id).status()), v1::ERROR_REASON_SCHEDULED_MESSAGE_NOT_FOUND);
    v1::ScheduledMessage to;
    to.set_content("taken over");
    EXPECT_EQ(ReasonOf(Update(*other, id, to).status()),
              v1::ERROR_REASON_SCHEDULED_MESSAGE_NOT_FOUND);
  }
  EXPECT_EQ(Fetch(ann_, id)->content(), "private");
}

TEST_F(ScheduledMessageTest, AChangeKeepsWhatItDoesNotName) {
  const auto made = Schedule(ann_, general_, "first");
  v1::ScheduledMessage to;
  *to.mutable_send_at() = ToTimestamp(clock_.Now() + absl::Minutes(5));
  const auto sooner = Update(ann_, made->id(), to);
  ASSERT_TRUE(sooner.ok()) << sooner.status();
  EXPECT_EQ(sooner->content(), "first");
  EXPECT_EQ(sooner->revision(), 2u);
  EXPECT_EQ(absl::ToUnixMillis(woken_), absl::ToUnixMillis(clock_.Now() + absl::Minutes(5)));
  to.Clear();
  to.set_content("second");
  EXPECT_EQ(Update(ann_, made->id(), to)->send_at().seconds(), sooner->send_at().seconds());
  to.set_content(" ");
  EXPECT_EQ(ReasonOf(Update(ann_, made->id(), to).status()), v1::ERROR_REASON_CONTENT_EMPTY);
  EXPECT_EQ(Fetch(ann_, made->id())->content(), "second");
  clock_.Advance(absl::Minutes(5));
  EXPECT_TRUE(Fire(made->id()).ok());
  EXPECT_EQ(ReasonOf(Update(ann_, made->id(), to).status()),
            v1::ERROR_REASON_SCHEDULED_MESSAGE_SENT);
  EXPECT_EQ(ReasonOf(Cancel(ann_, made->id()).status()), v1::ERROR_REASON_SCHEDULED_MESSAGE_SENT);
}

TEST_F(ScheduledMessageTest, ACancelledOneLeavesNoText) {
  const std::string id = Schedule(ann_, general_, "secret")->id();
  const auto gone = Cancel(ann_, id);
  ASSERT_TRUE(gone.ok()) << gone.status();
  EXPECT_EQ(gone->state(), v1::SCHEDULED_STATE_CANCELLED);
  EXPECT_EQ(gone->content(), "");
  EXPECT_EQ(Cancel(ann_, id)->revision(), gone->revision()) << "a second time changes nothing";
  EXPECT_EQ(LoggedTexts(), Texts({"", ""}));
  clock_.Advance(absl::Hours(2));
  EXPECT_TRUE(Fire(id).ok());
  EXPECT_EQ(Fetch(ann_, id)->state(), v1::SCHEDULED_STATE_CANCELLED);
  EXPECT_EQ(ReasonOf(SendNow(ann_, id).status()), v1::ERROR_REASON_SCHEDULED_MESSAGE_NOT_FOUND);
}

TEST_F(ScheduledMessageTest, RightsAreThoseOfTheMomentOfSending) {
  const std::string place = CreateChannel(bob_, "place", v1::CHANNEL_TYPE_PRIVATE)->id();
  EXPECT_EQ(ReasonOf(Schedule(ann_, place, "x").status()), v1::ERROR_REASON_CHANNEL_NOT_FOUND);
  ASSERT_TRUE(AddMember(bob_, place, ann_).ok());
  const std::string id = Schedule(ann_, place, "x")->id();
  clock_.Advance(absl::Hours(1));
  ASSERT_TRUE(SetRole(bob_, place, ann_, v1::CHANNEL_ROLE_VIEWER).ok());
  EXPECT_EQ(ReasonOf(Fire(id)), v1::ERROR_REASON_CHANNEL_ROLE_REQUIRED);
  ASSERT_TRUE(RemoveMember(bob_, place, ann_).ok());
  EXPECT_EQ(ReasonOf(Fire(id)), v1::ERROR_REASON_CHANNEL_NOT_FOUND);
  ASSERT_TRUE(AddMember(bob_, place, ann_).ok());
  ASSERT_TRUE(Archive(bob_, place).ok());
  EXPECT_EQ(ReasonOf(Fire(id)), v1::ERROR_REASON_CHANNEL_ARCHIVED);
  EXPECT_EQ(ReasonOf(SendNow(ann_, id).status()), v1::ERROR_REASON_CHANNEL_ARCHIVED);
  EXPECT_EQ(Fetch(ann_, id)->state(), v1::SCHEDULED_STATE_PENDING) << "a failed try is undone";
  ASSERT_TRUE(Unarchive(bob_, place).ok());
  EXPECT_TRUE(Fire(id).ok());
  EXPECT_EQ(Fetch(ann_, id)->state(), v1::SCHEDULED_STATE_SENT);
}

TEST_F(ScheduledMessageTest, AFailedOneWaitsAgainWithANewTime) {
  const std::string id = Schedule(ann_, general_, "again")->id();
  clock_.Advance(absl::Hours(1));
  Draft draft;
  draft.apply = [&](WriteTx& tx) { return FailDue(tx, id, clock_.Now(), "channel_archived"); };
  store_->Commit(std::move(draft), [](absl::StatusOr<Committed>) {});
  Settle();
  EXPECT_EQ(Fetch(ann_, id)->error(), "channel_archived");
  EXPECT_EQ(Fetch(ann_, id)->content(), "again") << "its author may still use it";
  EXPECT_TRUE(Fire(id).ok());
  EXPECT_EQ(Fetch(ann_, id)->state(), v1::SCHEDULED_STATE_FAILED) << "not by itself";
  v1::ScheduledMessage to;
  to.set_content("changed");
  EXPECT_EQ(ReasonOf(Update(ann_, id, to).status()), v1::ERROR_REASON_INVALID_ARGUMENT);
  *to.mutable_send_at() = ToTimestamp(clock_.Now() + absl::Minutes(1));
  const auto waits = Update(ann_, id, to);
  ASSERT_TRUE(waits.ok()) << waits.status();
  EXPECT_EQ(waits->state(), v1::SCHEDULED_STATE_PENDING);
  EXPECT_FALSE(waits->has_error());
  EXPECT_EQ(SendNow(ann_, id)->state(), v1::SCHEDULED_STATE_SENT);
  EXPECT_EQ(SendNow(ann_, id)->message_id(), Fetch(ann_, id)->message_id()) << "and only once";
}

TEST_F(ScheduledMessageTest, OldRecordsAreForgotten) {
  const std::string old = Schedule(ann_, general_, "old")->id();
  ASSERT_TRUE(Cancel(ann_, old).ok());
  clock_.Advance(kScheduledKept - absl::Hours(1));
  ASSERT_TRUE(Schedule(ann_, general_, "later").ok());
  EXPECT_TRUE(Fetch(ann_, old).ok());
  clock_.Advance(absl::Hours(2));
  ASSERT_TRUE(Schedule(ann_, general_, "still later").ok());
  EXPECT_EQ(ReasonOf(Fetch(ann_, old).status()), v1::ERROR_REASON_SCHEDULED_MESSAGE_NOT_FOUND);
}

}  // namespace
}  // namespace heim
