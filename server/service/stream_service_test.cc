// Streams through the handlers: from the first byte to the message that remains, whoever ends it,
// and over a restart.
#include "server/service/stream_service.h"

#include <gmock/gmock.h>

#include "server/base/strings.h"
#include "server/model/limits.h"
#include "server/service/chat_fixture.h"

namespace heim {
namespace {

using ::testing::ElementsAre;

class StreamServiceTest : public ChatFixture {
 protected:
  absl::StatusOr<v1::Stream> GetStream(const Caller& caller, const std::string& id) {
    v1::GetStreamRequest request;
    request.set_stream_id(id);
    auto answer = Call(caller, &StreamService::GetStream, streams_, request);
    if (!answer.ok()) return answer.status();
    return answer->stream();
  }
  std::string OutcomeOf(const std::string& stream) {
    for (const v1::Event& event : tape_.events()) {
      if (event.message_stream_end().stream_id() == stream) {
        return event.message_stream_end().outcome();
      }
    }
    return "not ended";
  }
  // What a front would have got; the source has ended.
  std::vector<FramePtr> ReadAll(FrameSource& source) {
    std::vector<FramePtr> frames;
    absl::Mutex mutex;
    bool ready = false;
    source.SetReady([&] {
      absl::MutexLock lock(&mutex);
      ready = true;
    });
    while (true) {
      const FrameSource::State state = source.Pull(1 << 20, &frames);
      if (state == FrameSource::State::kEnded) break;
      if (state == FrameSource::State::kMore) continue;
      absl::MutexLock lock(&mutex);
      mutex.AwaitWithTimeout(absl::Condition(&ready), absl::Seconds(20));
      EXPECT_TRUE(std::exchange(ready, false));
    }
    source.Cancel();
    return frames;
  }
};

TEST_F(StreamServiceTest, AStreamIsAMessageFromItsFirstByte) {
  const auto stream = StartStream(bot_, general_);
  ASSERT_TRUE(stream.ok()) << stream.status();
  const auto running = Get(ann_, stream->message_id());
  ASSERT_TRUE(running.ok());
  EXPECT_EQ(running->state(), v1::MESSAGE_STATE_STREAMING);
  EXPECT_EQ(running->seq(), 1u);
  EXPECT_EQ(Append(bot_, stream->id(), "Hel", 0)->next_index(), 1u);
  EXPECT_EQ(Append(bot_, stream->id(), "lo", 1)->next_index(), 2u);
  EXPECT_EQ(GetStream(ann_, stream->id())->content(), "Hello");
  clock_.Advance(absl::Seconds(2));
  Settle();
  EXPECT_EQ(Get(ann_, stream->message_id())->content(), "Hello") << "as it is on disk";

  const auto message = FinishStream(bot_, stream->id());
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->content(), "Hello");
  EXPECT_EQ(message->state(), v1::MESSAGE_STATE_FINAL);
  EXPECT_EQ(message->id(), stream->message_id());
  EXPECT_EQ(message->seq(), 1u);
  EXPECT_EQ(message->revision(), 1u);
  EXPECT_THAT(tape_.TakeKinds(), ElementsAre(v1::Event::kMessageStreamStart,
                                             v1::Event::kMessageStreamEnd, v1::Event::kMessageNew));
  EXPECT_EQ(Get(ann_, message->id())->SerializeAsString(), message->SerializeAsString());
  EXPECT_EQ(GetStream(ann_, stream->id())->state(), v1::STREAM_STATE_FINISHED);
}

TEST_F(StreamServiceTest, IndexesAreTakenOnceAndInOrder) {
  const std::string id = StartStream(bot_, general_)->id();
  ASSERT_TRUE(Append(bot_, id, "a", 0).ok());
  EXPECT_EQ(Append(bot_, id, "a", 0)->next_index(), 1u) << "a repeat is acknowledged again";
  const absl::Status gap = Append(bot_, id, "c", 2).status();
  EXPECT_EQ(ReasonOf(gap), v1::ERROR_REASON_STREAM_INDEX_GAP);
  EXPECT_EQ(ToError(gap, "").details().fields().at("next_index").number_value(), 1);
  ASSERT_TRUE(Append(bot_, id, "b").ok());
  EXPECT_EQ(FinishStream(bot_, id)->content(), "ab");
}

TEST_F(StreamServiceTest, OnlyItsAuthorWritesAStream) {
  const std::string id = StartStream(bot_, general_)->id();
  EXPECT_EQ(ReasonOf(Append(ann_, id, "x").status()), v1::ERROR_REASON_STREAM_NOT_FOUND);
  EXPECT_EQ(ReasonOf(FinishStream(ann_, id).status()), v1::ERROR_REASON_STREAM_NOT_FOUND);
  EXPECT_EQ(ReasonOf(AbortStream(ann_, id).status()), v1::ERROR_REASON_CHANNEL_ROLE_REQUIRED);
  EXPECT_EQ(ReasonOf(AbortStream(gus_, id).status()), v1::ERROR_REASON_STREAM_NOT_FOUND);
  EXPECT_EQ(ReasonOf(GetStream(gus_, id).status()), v1::ERROR_REASON_STREAM_NOT_FOUND);
  EXPECT_EQ(ReasonOf(GetStream(ann_, ids_.NewId()).status()), v1::ERROR_REASON_STREAM_NOT_FOUND);
}

TEST_F(StreamServiceTest, ARepeatedFinishAnswersTheSameMessageAlsoAtOnce) {
  const std::string id = StartStream(bot_, general_)->id();
  ASSERT_TRUE(Append(bot_, id, "done").ok());
  v1::FinishStreamRequest request;
  request.set_stream_id(id);
  CallContext contexts[3];
  Waiter<v1::FinishStreamResponse> waiters[3];
  for (int i = 0; i < 3; ++i) {
    contexts[i].caller = bot_;
    streams_->FinishStream(contexts[i], request, waiters[i].MakeReply());
  }
  const std::string first = waiters[0].Take()->SerializeAsString();
  for (int i = 1; i < 3; ++i) {
    const auto again = waiters[i].Take();
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->SerializeAsString(), first);
  }
  EXPECT_EQ(ReasonOf(Append(bot_, id, "x").status()), v1::ERROR_REASON_STREAM_FINISHED);
  EXPECT_EQ(ReasonOf(AbortStream(bot_, id).status()), v1::ERROR_REASON_STREAM_FINISHED);
}

TEST_F(StreamServiceTest, FinalTextAndMetadataWin) {
  v1::StartStreamRequest start;
  start.set_channel_id(general_);
  (*start.mutable_metadata()->mutable_fields())["model"].set_string_value("m1");
  const auto stream = Call(bot_, &StreamService::StartStream, streams_, start)->stream();
  ASSERT_TRUE(Append(bot_, stream.id(), "draft").ok());
  v1::FinishStreamRequest finish;
  finish.set_stream_id(stream.id());
  finish.set_content("final for @ann");
  (*finish.mutable_metadata()->mutable_fields())["tokens"].set_number_value(7);
  const auto message = Call(bot_, &StreamService::FinishStream, streams_, finish);
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_EQ(message->message().content(), "final for @ann");
  EXPECT_EQ(message->message().metadata().fields_size(), 2);
  EXPECT_EQ(message->message().mentions_size(), 1);
}

TEST_F(StreamServiceTest, AFinishThatIsTooLongLeavesTheStreamOpen) {
  const std::string id = StartStream(bot_, general_)->id();
  ASSERT_TRUE(Append(bot_, id, "short").ok());
  v1::FinishStreamRequest finish;
  finish.set_stream_id(id);
  finish.set_content(std::string(kMessageContentMaxBytes + 1, 'x'));
  EXPECT_EQ(ReasonOf(Call(bot_, &StreamService::FinishStream, streams_, finish).status()),
            v1::ERROR_REASON_CONTENT_TOO_LONG);
  EXPECT_TRUE(Append(bot_, id, " and sweet").ok());
  EXPECT_EQ(FinishStream(bot_, id)->content(), "short and sweet");
}

TEST_F(StreamServiceTest, AnEmptyFinishLeavesATombstone) {
  const std::string root = Send(ann_, general_, "question")->id();
  const std::string id = StartStream(bot_, general_, root)->id();
  tape_.TakeKinds();
  const auto message = FinishStream(bot_, id);
  ASSERT_TRUE(message.ok()) << message.status();
  EXPECT_TRUE(message->has_deleted_at());
  EXPECT_THAT(tape_.TakeKinds(),
              ElementsAre(v1::Event::kMessageStreamEnd, v1::Event::kMessageDeleted));
  EXPECT_FALSE(Get(ann_, root)->has_thread()) << "it never counted";
  EXPECT_EQ(FinishStream(bot_, id)->SerializeAsString(), message->SerializeAsString());
}

TEST_F(StreamServiceTest, AStreamedReplyCountsWhenItEnds) {
  const std::string root = Send(ann_, general_, "question")->id();
  const std::string id = StartStream(bot_, general_, root)->id();
  EXPECT_FALSE(Get(ann_, root)->has_thread());
  ASSERT_TRUE(Append(bot_, id, "answer").ok());
  ASSERT_TRUE(FinishStream(bot_, id).ok());
  EXPECT_EQ(Get(ann_, root)->thread().reply_count(), 1u);
}

TEST_F(StreamServiceTest, WhoIsAnsweredStopsTheStream) {
  const std::string dm = OpenDirect(ann_, {&bot_})->id();
  const std::string in_dm = StartStream(bot_, dm)->id();
  ASSERT_TRUE(Append(bot_, in_dm, "I could go on").ok());
  const auto kept = AbortStream(ann_, in_dm);
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_EQ(kept->state(), v1::MESSAGE_STATE_INTERRUPTED);
  EXPECT_EQ(kept->content(), "I could go on");
  EXPECT_EQ(OutcomeOf(in_dm), "stopped_by_reader");
  EXPECT_EQ(ReasonOf(Append(bot_, in_dm, " and on").status()), v1::ERROR_REASON_STREAM_STOPPED);

  const std::string root = Send(ann_, general_, "question")->id();
  const std::string in_thread = StartStream(bot_, general_, root)->id();
  EXPECT_FALSE(AbortStream(bob_, in_thread).ok());
  EXPECT_TRUE(AbortStream(ann_, in_thread).ok());
  EXPECT_EQ(OutcomeOf(in_thread), "stopped_by_reader");

  const std::string third = StartStream(bot_, general_)->id();
  EXPECT_TRUE(AbortStream(ada_, third).ok());
  EXPECT_EQ(OutcomeOf(third), "stopped_by_admin");
  const std::string fourth = StartStream(bot_, general_)->id();
  EXPECT_TRUE(AbortStream(bot_, fourth).ok());
  EXPECT_EQ(OutcomeOf(fourth), "stopped_by_author");
}

TEST_F(StreamServiceTest, ASilentStreamEndsByItself) {
  const auto stream = StartStream(bot_, general_);
  ASSERT_TRUE(Append(bot_, stream->id(), "half a").ok());
  clock_.Advance(absl::Seconds(50));
  ASSERT_TRUE(Append(bot_, stream->id(), " sentence").ok());
  ASSERT_TRUE(Append(bot_, stream->id(), "").ok()) << "a heartbeat";
  clock_.Advance(absl::Seconds(50));
  Settle();
  EXPECT_EQ(GetStream(ann_, stream->id())->state(), v1::STREAM_STATE_ACTIVE);
  clock_.Advance(absl::Seconds(20));
  Settle();
  EXPECT_EQ(GetStream(ann_, stream->id())->state(), v1::STREAM_STATE_TIMED_OUT);
  EXPECT_EQ(OutcomeOf(stream->id()), "producer_lost");
  EXPECT_EQ(Get(ann_, stream->message_id())->content(), "half a sentence");
  EXPECT_EQ(ReasonOf(Append(bot_, stream->id(), "?").status()), v1::ERROR_REASON_STREAM_STOPPED);
  EXPECT_EQ(ReasonOf(FinishStream(bot_, stream->id()).status()), v1::ERROR_REASON_STREAM_STOPPED);
}

TEST_F(StreamServiceTest, DeletingARunningMessageStopsItsStream) {
  const auto stream = StartStream(bot_, general_);
  ASSERT_TRUE(Append(bot_, stream->id(), "regret").ok());
  clock_.Advance(absl::Seconds(2));
  Settle();
  tape_.TakeKinds();
  ASSERT_TRUE(Delete(bot_, stream->message_id()).ok());
  Settle();
  EXPECT_THAT(tape_.TakeKinds(),
              ElementsAre(v1::Event::kMessageDeleted, v1::Event::kMessageStreamEnd));
  EXPECT_EQ(OutcomeOf(stream->id()), "stopped_by_author");
  EXPECT_EQ(ReasonOf(Append(bot_, stream->id(), "x").status()), v1::ERROR_REASON_STREAM_STOPPED);
  EXPECT_TRUE(Get(ann_, stream->message_id())->has_deleted_at());
  EXPECT_EQ(Get(ann_, stream->message_id())->content(), "");
  EXPECT_EQ(GetStream(ann_, stream->id())->content(), "");
  for (const v1::Event& event : ReadLog()) {
    EXPECT_EQ(event.SerializeAsString().find("regret"), std::string::npos);
  }
}

TEST_F(StreamServiceTest, StreamsGoOnAfterARestartFromWhatIsOnDisk) {
  const auto stream = StartStream(bot_, general_);
  ASSERT_TRUE(Append(bot_, stream->id(), "kept", 0).ok());
  clock_.Advance(absl::Seconds(2));
  Settle();
  ASSERT_TRUE(Append(bot_, stream->id(), " lost", 1).ok());
  Restart();
  EXPECT_EQ(GetStream(ann_, stream->id())->content(), "kept");
  EXPECT_EQ(GetStream(ann_, stream->id())->next_index(), 1u);
  EXPECT_EQ(ReasonOf(Append(bot_, stream->id(), " new", 2).status()),
            v1::ERROR_REASON_STREAM_INDEX_GAP);
  ASSERT_TRUE(Append(bot_, stream->id(), " sent again", 1).ok());
  EXPECT_EQ(FinishStream(bot_, stream->id())->content(), "kept sent again");
}

TEST_F(StreamServiceTest, AStartIsRepeatedByItsClientIdAndBounded) {
  v1::StartStreamRequest start;
  start.set_channel_id(general_);
  start.set_client_id("run-1");
  const auto first = Call(bot_, &StreamService::StartStream, streams_, start);
  const auto again = Call(bot_, &StreamService::StartStream, streams_, start);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->stream().id(), first->stream().id());
  for (int i = 1; i < kStreamsPerActorMax; ++i) ASSERT_TRUE(StartStream(bot_, general_).ok());
  EXPECT_EQ(ReasonOf(StartStream(bot_, general_).status()), v1::ERROR_REASON_TOO_MANY_STREAMS);
  EXPECT_TRUE(StartStream(ann_, general_).ok());
  start.mutable_idle_timeout()->set_seconds(2);
  EXPECT_EQ(ReasonOf(Call(bot_, &StreamService::StartStream, streams_, start).status()),
            v1::ERROR_REASON_INVALID_ARGUMENT);
}

TEST_F(StreamServiceTest, AWatcherOfAnEndedStreamGetsItsEndAndItsMessage) {
  const std::string id = StartStream(bot_, general_)->id();
  ASSERT_TRUE(Append(bot_, id, "said").ok());
  ASSERT_TRUE(FinishStream(bot_, id).ok());
  v1::WatchStreamRequest request;
  request.set_stream_id(id);
  const auto source = Call(ann_, &StreamService::WatchStream, streams_, request);
  ASSERT_TRUE(source.ok()) << source.status();
  const std::vector<FramePtr> frames = ReadAll(**source);
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_TRUE(frames[0]->event().has_message_stream_end());
  EXPECT_EQ(frames[1]->event().message_new().message().content(), "said");
}

TEST_F(StreamServiceTest, AWatcherOfARunningStreamHearsItToTheEnd) {
  const std::string id = StartStream(bot_, general_)->id();
  ASSERT_TRUE(Append(bot_, id, "one ").ok());
  v1::WatchStreamRequest request;
  request.set_stream_id(id);
  const auto source = Call(ann_, &StreamService::WatchStream, streams_, request);
  ASSERT_TRUE(source.ok()) << source.status();
  ASSERT_TRUE(Append(bot_, id, "two").ok());
  ASSERT_TRUE(FinishStream(bot_, id).ok());
  const std::vector<FramePtr> frames = ReadAll(**source);
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back()->event().message_new().message().content(), "one two");
}

std::unique_ptr<google::protobuf::Message> Step(v1::WriteStreamRequest step) {
  return std::make_unique<v1::WriteStreamRequest>(std::move(step));
}

void Feed(StreamCall& call, v1::WriteStreamRequest step) {
  absl::Notification wanted;
  call.Feed(Step(std::move(step)), [&] { wanted.Notify(); });
  wanted.WaitForNotification();
}

TEST_F(StreamServiceTest, AWriterSendsEverythingOnOneConnection) {
  auto context = std::make_shared<CallContext>();
  context->caller = bot_;
  const auto call = streams_->WriteStream(context);
  ASSERT_TRUE(call.ok());
  v1::WriteStreamRequest step;
  step.mutable_start()->set_channel_id(general_);
  Feed(**call, step);
  for (uint32_t i = 0; i < 100; ++i) {
    step.mutable_append()->set_index(i);
    step.mutable_append()->set_delta("x");
    Feed(**call, step);
  }
  step.mutable_finish();
  Feed(**call, step);
  (*call)->FeedDone();
  const std::vector<FramePtr> frames = ReadAll(**call);
  ASSERT_EQ(frames.size(), 3u) << "stream, one acknowledgement of all, message";
  const auto at = [&](size_t i) {
    return static_cast<const v1::WriteStreamResponse&>(frames[i]->message());
  };
  EXPECT_TRUE(at(0).has_stream());
  EXPECT_EQ(at(1).ack().next_index(), 100u);
  EXPECT_EQ(at(2).message().content(), std::string(100, 'x'));
  EXPECT_TRUE((*call)->status().ok());
}

TEST_F(StreamServiceTest, ALostWriterComesBackAndAWrongOneDoesNot) {
  const std::string id = StartStream(bot_, general_)->id();
  auto context = std::make_shared<CallContext>();
  context->caller = ann_;
  auto call = *streams_->WriteStream(context);
  v1::WriteStreamRequest resume;
  resume.set_resume_stream_id(id);
  Feed(*call, resume);
  ReadAll(*call);
  EXPECT_EQ(ReasonOf(call->status()), v1::ERROR_REASON_STREAM_NOT_FOUND);

  context = std::make_shared<CallContext>();
  context->caller = bot_;
  call = *streams_->WriteStream(context);
  Feed(*call, resume);
  v1::WriteStreamRequest append;
  append.mutable_append()->set_delta("back");
  Feed(*call, append);
  call->Cancel();
  Feed(*call, append);
  EXPECT_EQ(GetStream(ann_, id)->content(), "back") << "loss is no abort, and ends the writing";
}

}  // namespace
}  // namespace heim
