// Goal: every call goes through the same steps in the same order, and is answered exactly once.
// Method: fake handlers behind the real Invoker; the executor runs inline, time is moved by hand.
#include "server/rpc/server_invoker.h"

#include <optional>

#include "gtest/gtest.h"
#include "server/base/strings.h"
#include "server/rpc/testing.h"

namespace heim {
namespace {

using Answer = absl::StatusOr<std::unique_ptr<google::protobuf::Message>>;

class ServerInvokerTest : public ::testing::Test {
 protected:
  const MethodInfo& Method(const char* name) { return *world_.table->Find(name); }
  const MethodInfo& Send() { return Method("heim.v1.MessageService.SendMessage"); }

  static std::unique_ptr<v1::SendMessageRequest> Message(const std::string& text) {
    auto request = std::make_unique<v1::SendMessageRequest>();
    request->set_channel_id("c");
    request->set_content(text);
    return request;
  }

  // The answers so far; a second one fails the test that looks.
  std::shared_ptr<std::vector<Answer>> Call(const MethodInfo& method,
                                            std::shared_ptr<CallContext> context,
                                            std::unique_ptr<google::protobuf::Message> request) {
    auto answers = std::make_shared<std::vector<Answer>>();
    world_.invoker.Call(method, std::move(context), std::move(request),
                        [answers](Answer answer) { answers->push_back(std::move(answer)); });
    return answers;
  }
  v1::ErrorReason ReasonFor(const MethodInfo& method, std::shared_ptr<CallContext> context,
                            std::unique_ptr<google::protobuf::Message> request) {
    const auto answers = Call(method, std::move(context), std::move(request));
    if (answers->size() != 1) return v1::ERROR_REASON_INTERNAL;
    return ReasonOf(answers->front().status());
  }

  ManualClock clock_;
  ManualTimers timers_{clock_};
  InlineExecutor executor_;
  RpcWorld world_{clock_, timers_, executor_};
};

TEST_F(ServerInvokerTest, ACallIsAnsweredByItsHandler) {
  const auto context = world_.Context();
  const auto answers = Call(Send(), context, Message("hi"));
  ASSERT_EQ(answers->size(), 1u);
  ASSERT_TRUE(answers->front().ok()) << answers->front().status();
  const auto& response = static_cast<const v1::SendMessageResponse&>(**answers->front());
  EXPECT_EQ(response.message().content(), "hi");
  EXPECT_EQ(context->method, "heim.v1.MessageService.SendMessage");
  EXPECT_EQ(context->caller.actor_id.str(), "actor-ann");
  EXPECT_EQ(world_.invoker.in_flight(), 0u);
  EXPECT_EQ(timers_.pending(), 0u);
  ASSERT_TRUE(context->rate_limit.has_value());
  EXPECT_EQ(context->rate_limit->remaining, 49u);
}

TEST_F(ServerInvokerTest, AGoodRequestIdIsKeptAndABadOneReplaced) {
  auto context = world_.Context();
  context->request_id = "Abc-1._x";
  Call(Send(), context, Message("hi"));
  EXPECT_EQ(context->request_id, "Abc-1._x");
  for (const std::string& bad : {std::string(), std::string("a b"), std::string("a\nb"),
                                 std::string(129, 'a'), std::string("ü")}) {
    context = world_.Context();
    context->request_id = bad;
    Call(Send(), context, Message("hi"));
    EXPECT_TRUE(IsUuid(context->request_id)) << bad;
  }
}

// Each step is refused although every later one would be refused too.
TEST_F(ServerInvokerTest, TheStepsComeInOrder) {
  const auto bad = [] { return Message(std::string(1, '\0')); };
  EXPECT_EQ(ReasonFor(Send(), world_.Context("unknown"), bad()), v1::ERROR_REASON_UNAUTHENTICATED);
  EXPECT_EQ(ReasonFor(Send(), world_.Context(""), bad()), v1::ERROR_REASON_UNAUTHENTICATED);
  EXPECT_EQ(ReasonFor(Send(), world_.Context("reader"), bad()), v1::ERROR_REASON_MISSING_SCOPE);
  EXPECT_EQ(ReasonFor(Send(), world_.Context(), bad()), v1::ERROR_REASON_INVALID_ARGUMENT);
  for (int i = 0; i < 50; ++i) Call(Send(), world_.Context(), Message("hi"));
  EXPECT_EQ(ReasonFor(Send(), world_.Context(), bad()), v1::ERROR_REASON_RATE_LIMITED);
  world_.invoker.Drain();
  EXPECT_EQ(ReasonFor(Send(), world_.Context("unknown"), bad()), v1::ERROR_REASON_DRAINING);
}

TEST_F(ServerInvokerTest, ARateLimitSaysWhenToComeBack) {
  for (int i = 0; i < 50; ++i) Call(Send(), world_.Context(), Message("hi"));
  const auto answers = Call(Send(), world_.Context(), Message("hi"));
  const v1::Error error = ToError(answers->front().status(), "r");
  EXPECT_EQ(error.retry_after_ms(), 100);
  clock_.Advance(absl::Milliseconds(100));
  EXPECT_TRUE(Call(Send(), world_.Context(), Message("hi"))->front().ok());
}

TEST_F(ServerInvokerTest, LogInLooksAtNoCredential) {
  const MethodInfo& login = Method("heim.v1.AuthService.Login");
  const auto request = [] {
    auto made = std::make_unique<v1::LoginRequest>();
    made->set_password("secret");
    return made;
  };
  EXPECT_EQ(ReasonFor(login, world_.Context("unknown"), request()), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(world_.authenticator.asked(), 0);
  auto last = world_.Context();
  Call(login, last, request());
  ASSERT_TRUE(last->rate_limit.has_value());
  EXPECT_EQ(last->rate_limit->limit, 200u);
  EXPECT_EQ(last->rate_limit->remaining, 198u);
  // An address is bounded, loopback is not.
  for (int i = 0; i < 300; ++i) Call(login, world_.Context(), request());
  EXPECT_EQ(ReasonFor(login, world_.Context(), request()), v1::ERROR_REASON_RATE_LIMITED);
  auto local = world_.Context();
  local->address = "127.0.0.1";
  EXPECT_EQ(ReasonFor(login, local, request()), v1::ERROR_REASON_UNSPECIFIED);
}

TEST_F(ServerInvokerTest, IfMatchFillsTheExpectedRevision) {
  std::optional<uint32_t> seen;
  world_.services.update = [&](CallContext&, const v1::UpdateChannelRequest& request,
                               Reply<v1::UpdateChannelResponse> reply) {
    seen = request.expected_revision();
    reply(v1::UpdateChannelResponse());
  };
  const MethodInfo& update = Method("heim.v1.ChannelService.UpdateChannel");
  auto request = std::make_unique<v1::UpdateChannelRequest>();
  request->set_channel_id("c");
  auto context = world_.Context();
  context->if_match = 4;
  EXPECT_EQ(ReasonFor(update, context, std::move(request)), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(seen, 4u);

  request = std::make_unique<v1::UpdateChannelRequest>();
  request->set_channel_id("c");
  request->set_expected_revision(5);
  context = world_.Context();
  context->if_match = 4;
  EXPECT_EQ(ReasonFor(update, context, std::move(request)), v1::ERROR_REASON_INVALID_ARGUMENT);
}

TEST_F(ServerInvokerTest, AnIdempotencyKeyCarriesTheHashOfTheRequest) {
  const auto hash = [&](const std::string& text) {
    auto context = world_.Context();
    context->idempotency_key = "k";
    EXPECT_TRUE(Call(Send(), context, Message(text))->front().ok());
    return context->request_hash;
  };
  EXPECT_EQ(hash("a").size(), 32u);
  EXPECT_EQ(hash("a"), hash("a"));
  EXPECT_NE(hash("a"), hash("b"));
  auto context = world_.Context();
  context->idempotency_key = std::string(129, 'k');
  EXPECT_EQ(ReasonFor(Send(), context, Message("a")), v1::ERROR_REASON_INVALID_ARGUMENT);
  // Where it means nothing it is dropped.
  context = world_.Context();
  context->idempotency_key = std::string(129, 'k');
  EXPECT_TRUE(Call(Method("heim.v1.ChannelService.ListChannels"), context,
                   std::make_unique<v1::ListChannelsRequest>())
                  ->front()
                  .ok());
  EXPECT_TRUE(context->idempotency_key.empty());
}

TEST_F(ServerInvokerTest, AnAnswerThatDoesNotComeIsATimeoutAndALateOneIsDropped) {
  std::optional<Reply<v1::SendMessageResponse>> held;
  world_.services.send = [&](CallContext&, const v1::SendMessageRequest&,
                             Reply<v1::SendMessageResponse> reply) {
    held.emplace(std::move(reply));
  };
  const auto answers = Call(Send(), world_.Context(), Message("hi"));
  clock_.Advance(absl::Seconds(30) - absl::Milliseconds(1));
  EXPECT_TRUE(answers->empty());
  EXPECT_EQ(world_.invoker.in_flight(), 1u);
  clock_.Advance(absl::Milliseconds(1));
  ASSERT_EQ(answers->size(), 1u);
  EXPECT_EQ(ReasonOf(answers->front().status()), v1::ERROR_REASON_TIMEOUT);
  (*held)(v1::SendMessageResponse());
  EXPECT_EQ(answers->size(), 1u);
  EXPECT_EQ(world_.invoker.in_flight(), 0u);
}

TEST_F(ServerInvokerTest, TheClientsDeadlineCountsWhenItIsSooner) {
  std::optional<Reply<v1::SendMessageResponse>> held;
  world_.services.send = [&](CallContext&, const v1::SendMessageRequest&,
                             Reply<v1::SendMessageResponse> reply) {
    held.emplace(std::move(reply));
  };
  auto context = world_.Context();
  context->deadline = clock_.Now() + absl::Seconds(2);
  const auto answers = Call(Send(), context, Message("hi"));
  clock_.Advance(absl::Seconds(2));
  ASSERT_EQ(answers->size(), 1u);
  context = world_.Context();
  context->deadline = clock_.Now();
  EXPECT_EQ(ReasonFor(Send(), context, Message("hi")), v1::ERROR_REASON_TIMEOUT);
}

TEST_F(ServerInvokerTest, APollMayWaitAsLongAsItAsks) {
  std::optional<Reply<v1::ListEventsResponse>> held;
  world_.services.list_events = [&](CallContext&, const v1::ListEventsRequest&,
                                    Reply<v1::ListEventsResponse> reply) {
    held.emplace(std::move(reply));
  };
  auto request = std::make_unique<v1::ListEventsRequest>();
  request->set_wait_ms(55'000);
  const auto answers =
      Call(Method("heim.v1.EventService.ListEvents"), world_.Context(), std::move(request));
  clock_.Advance(absl::Seconds(55));
  EXPECT_TRUE(answers->empty());
  clock_.Advance(absl::Seconds(30));
  EXPECT_EQ(answers->size(), 1u);
}

TEST_F(ServerInvokerTest, AHandlerThatDropsItsReplyFailsTheCall) {
  world_.services.send = [](CallContext&, const v1::SendMessageRequest&,
                            Reply<v1::SendMessageResponse>) {};
  EXPECT_EQ(ReasonFor(Send(), world_.Context(), Message("hi")), v1::ERROR_REASON_INTERNAL);
}

TEST_F(ServerInvokerTest, WhatALibrarySaysGoesNowhere) {
  world_.services.send = [](CallContext&, const v1::SendMessageRequest&,
                            Reply<v1::SendMessageResponse> reply) {
    reply(absl::UnavailableError("SELECT secret FROM passwords"));
  };
  const auto answers = Call(Send(), world_.Context(), Message("hi"));
  EXPECT_EQ(ReasonOf(answers->front().status()), v1::ERROR_REASON_STORE_UNAVAILABLE);
  EXPECT_EQ(ToStd(answers->front().status().message()).find("SELECT"), std::string_view::npos);
}

TEST_F(ServerInvokerTest, AFullExecutorIsOverload) {
  executor_.set_full(true);
  EXPECT_EQ(ReasonFor(Send(), world_.Context(), Message("hi")), v1::ERROR_REASON_OVERLOADED);
  EXPECT_EQ(timers_.pending(), 0u);
}

TEST_F(ServerInvokerTest, ACallThatWasGivenUpRunsNoHandler) {
  bool ran = false;
  world_.services.send = [&](CallContext&, const v1::SendMessageRequest&,
                             Reply<v1::SendMessageResponse> reply) {
    ran = true;
    reply(v1::SendMessageResponse());
  };
  auto context = world_.Context();
  context->cancelled = true;
  EXPECT_EQ(ReasonFor(Send(), context, Message("hi")), v1::ERROR_REASON_CANCELLED);
  EXPECT_FALSE(ran);
}

TEST_F(ServerInvokerTest, AKnownCallerIsNotAskedAgainButExpires) {
  auto context = world_.Context("");
  context->caller_known = true;
  context->caller = MakeCaller("ann");
  context->caller.expires_at = clock_.Now() + absl::Seconds(1);
  EXPECT_EQ(ReasonFor(Send(), context, Message("hi")), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(world_.authenticator.asked(), 0);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(ReasonFor(Send(), context, Message("hi")), v1::ERROR_REASON_TOKEN_EXPIRED);
}

TEST_F(ServerInvokerTest, CallsAreCounted) {
  Call(Send(), world_.Context(), Message("hi"));
  Call(Send(), world_.Context("unknown"), Message("hi"));
  const std::string text = world_.metrics.Text();
  EXPECT_NE(text.find("heim_calls_total{method=\"heim.v1.MessageService.SendMessage\","
                      "code=\"ok\"} 1\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("code=\"unauthenticated\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("# TYPE heim_calls_in_flight gauge\n"), std::string::npos);
}

class OpenedStream : public ServerInvokerTest {
 protected:
  absl::StatusOr<std::shared_ptr<StreamCall>> Open(
      const char* name, std::shared_ptr<CallContext> context,
      std::unique_ptr<google::protobuf::Message> first) {
    std::optional<absl::StatusOr<std::shared_ptr<StreamCall>>> result;
    world_.invoker.Open(Method(name), std::move(context), std::move(first),
                        [&](absl::StatusOr<std::shared_ptr<StreamCall>> opened) {
                          ASSERT_FALSE(result.has_value());
                          result = std::move(opened);
                        });
    if (!result.has_value()) return absl::InternalError("not opened");
    return *std::move(result);
  }
};

// Keeps what it is fed.
class FakeUpload final : public FakeSource<StreamCall> {
 public:
  void Feed(std::unique_ptr<google::protobuf::Message> message,
            absl::AnyInvocable<void()> next) override {
    fed.push_back(std::move(message));
    next();
  }
  void FeedDone() override { done = true; }

  std::vector<std::unique_ptr<google::protobuf::Message>> fed;
  bool done = false;
};

TEST_F(OpenedStream, AServerStreamIsCountedUntilItEnds) {
  auto source = std::make_shared<FakeSource<FrameSource>>();
  world_.services.SetSubscribe(
      [&](CallContext&, const v1::SubscribeRequest&, Reply<std::shared_ptr<FrameSource>> reply) {
        reply(std::shared_ptr<FrameSource>(source));
      });
  auto request = std::make_unique<v1::SubscribeRequest>();
  request->set_workspace_id("other");
  auto stream = Open("heim.v1.EventService.Subscribe", world_.Context(), std::move(request));
  ASSERT_TRUE(stream.ok()) << stream.status();
  EXPECT_EQ(world_.authenticator.selector(), "other");
  EXPECT_EQ(world_.invoker.in_flight(), 1u);
  int ready = 0;
  (*stream)->SetReady([&] { ++ready; });
  source->Push(MakeCursorFrame("1.5"));
  EXPECT_EQ(ready, 1);
  std::vector<FramePtr> frames;
  EXPECT_EQ((*stream)->Pull(1000, &frames), FrameSource::State::kIdle);
  EXPECT_EQ(frames.size(), 1u);
  source->Finish(absl::OkStatus());
  EXPECT_EQ((*stream)->Pull(1000, &frames), FrameSource::State::kEnded);
  EXPECT_EQ(world_.invoker.in_flight(), 0u);
  (*stream)->Cancel();
  EXPECT_EQ(world_.invoker.in_flight(), 0u);
}

TEST_F(OpenedStream, EachMessageOfAClientIsValidated) {
  auto upload = std::make_shared<FakeUpload>();
  world_.services.upload = [&](std::shared_ptr<CallContext>) {
    return std::shared_ptr<StreamCall>(upload);
  };
  auto stream = Open("heim.v1.FileService.UploadFile", world_.Context(), nullptr);
  ASSERT_TRUE(stream.ok()) << stream.status();
  int ready = 0;
  (*stream)->SetReady([&] { ++ready; });
  int wanted = 0;
  auto good = std::make_unique<v1::UploadFileRequest>();
  good->set_chunk("x");
  (*stream)->Feed(std::move(good), [&] { ++wanted; });
  auto bad = std::make_unique<v1::UploadFileRequest>();
  bad->mutable_header()->set_filename(std::string("a\0b", 3));
  (*stream)->Feed(std::move(bad), [&] { ++wanted; });
  EXPECT_EQ(wanted, 2);
  EXPECT_EQ(ready, 1);
  EXPECT_EQ(upload->fed.size(), 1u);
  EXPECT_TRUE(upload->cancelled());
  std::vector<FramePtr> frames;
  EXPECT_EQ((*stream)->Pull(1000, &frames), FrameSource::State::kEnded);
  EXPECT_EQ(ReasonOf((*stream)->status()), v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(world_.invoker.in_flight(), 0u);
}

// What comes too fast waits for its turn; nothing is refused and nothing is lost.
TEST_F(OpenedStream, MessagesOfAStreamAreTakenAtTheirRate) {
  auto writer = std::make_shared<FakeUpload>();
  world_.services.write = [&](std::shared_ptr<CallContext>) {
    return std::shared_ptr<StreamCall>(writer);
  };
  auto stream = Open("heim.v1.StreamService.WriteStream", world_.Context(), nullptr);
  ASSERT_TRUE(stream.ok()) << stream.status();
  const BucketRule rule = BucketOf(v1::RATE_CLASS_STREAM);
  const size_t burst = static_cast<size_t>(rule.burst) - 1;  // opening it was one
  size_t wanted = 0;
  const auto feed = [&] {
    auto step = std::make_unique<v1::WriteStreamRequest>();
    step->mutable_append()->set_delta("x");
    (*stream)->Feed(std::move(step), [&] { ++wanted; });
  };
  for (size_t i = 0; i < burst; ++i) feed();
  EXPECT_EQ(writer->fed.size(), burst);
  EXPECT_EQ(wanted, burst);
  for (size_t late = 1; late <= 10; ++late) {
    feed();
    EXPECT_EQ(wanted, burst + late - 1) << "the next one is not wanted yet";
    clock_.Advance(absl::Seconds(1) / rule.refill_per_second);
    EXPECT_EQ(writer->fed.size(), burst + late);
    EXPECT_EQ(wanted, burst + late);
  }
  // One that waits when the stream ends is dropped.
  feed();
  (*stream)->Cancel();
  stream->reset();
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(writer->fed.size(), burst + 10);
}

TEST_F(OpenedStream, AStreamThatOpensTooLateIsCancelled) {
  std::optional<Reply<std::shared_ptr<FrameSource>>> held;
  world_.services.SetSubscribe(
      [&](CallContext&, const v1::SubscribeRequest&, Reply<std::shared_ptr<FrameSource>> reply) {
        held.emplace(std::move(reply));
      });
  absl::Status status;
  world_.invoker.Open(
      Method("heim.v1.EventService.Subscribe"), world_.Context(),
      std::make_unique<v1::SubscribeRequest>(),
      [&](absl::StatusOr<std::shared_ptr<StreamCall>> opened) { status = opened.status(); });
  clock_.Advance(absl::Seconds(30));
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_TIMEOUT);
  auto source = std::make_shared<FakeSource<FrameSource>>();
  (*held)(std::shared_ptr<FrameSource>(source));
  EXPECT_TRUE(source->cancelled());
  EXPECT_EQ(world_.invoker.in_flight(), 0u);
}

// The credential is revoked after it was looked at and before the hub has the subscription.
TEST_F(OpenedStream, AStreamOfACredentialRevokedMeanwhileIsRefused) {
  auto source = std::make_shared<FakeSource<FrameSource>>();
  world_.services.SetSubscribe([&](CallContext& context, const v1::SubscribeRequest&,
                                   Reply<std::shared_ptr<FrameSource>> reply) {
    world_.authenticator.Revoke(context.caller.credential_id);
    reply(std::shared_ptr<FrameSource>(source));
  });
  const auto stream = Open("heim.v1.EventService.Subscribe", world_.Context(),
                           std::make_unique<v1::SubscribeRequest>());
  EXPECT_EQ(ReasonOf(stream.status()), v1::ERROR_REASON_TOKEN_REVOKED);
  EXPECT_TRUE(source->cancelled());
  EXPECT_EQ(world_.invoker.in_flight(), 0u);
}

TEST_F(OpenedStream, APollOfACredentialRevokedMeanwhileIsRefused) {
  std::optional<Reply<v1::ListEventsResponse>> held;
  world_.services.list_events = [&](CallContext& context, const v1::ListEventsRequest&,
                                    Reply<v1::ListEventsResponse> reply) {
    world_.authenticator.Revoke(context.caller.credential_id);
    held.emplace(std::move(reply));
  };
  auto request = std::make_unique<v1::ListEventsRequest>();
  request->set_wait_ms(10'000);
  EXPECT_EQ(
      ReasonFor(Method("heim.v1.EventService.ListEvents"), world_.Context(), std::move(request)),
      v1::ERROR_REASON_TOKEN_REVOKED);
}

TEST_F(OpenedStream, WhatAClientFeedsEndsWithItsCredential) {
  auto upload = std::make_shared<FakeUpload>();
  world_.services.upload = [&](std::shared_ptr<CallContext>) {
    return std::shared_ptr<StreamCall>(upload);
  };
  auto stream = Open("heim.v1.FileService.UploadFile", world_.Context(), nullptr);
  ASSERT_TRUE(stream.ok()) << stream.status();
  int ready = 0;
  (*stream)->SetReady([&] { ++ready; });
  // A role changed: the credential holds.
  world_.authenticator.DropActor(ActorId("actor-ann"));
  EXPECT_FALSE(upload->cancelled());

  world_.authenticator.Revoke("credential-ann");
  world_.authenticator.DropCredential("credential-other");
  EXPECT_FALSE(upload->cancelled());
  executor_.set_full(true);
  world_.authenticator.DropCredential("credential-ann");
  EXPECT_FALSE(upload->cancelled());
  executor_.set_full(false);
  clock_.Advance(absl::Milliseconds(100));
  EXPECT_TRUE(upload->cancelled());
  EXPECT_EQ(ready, 1);
  std::vector<FramePtr> frames;
  EXPECT_EQ((*stream)->Pull(1000, &frames), FrameSource::State::kEnded);
  EXPECT_EQ(ReasonOf((*stream)->status()), v1::ERROR_REASON_TOKEN_REVOKED);
}

}  // namespace
}  // namespace heim
