// Goal: the session protocol: commands found by their type, replies with the command's id, order,
// back-pressure, and what a credential may not hear. Method: the real Invoker with fake handlers
// and a fake hub; the executor runs inline.
#include "server/rpc/session.h"

#include <optional>

#include "gtest/gtest.h"
#include "server/model/limits.h"
#include "server/rpc/testing.h"

namespace heim {
namespace {

constexpr char kGeneral[] = "01890a5d-ac96-774b-bcce-b302099a8057";
constexpr char kHidden[] = "01890a5d-ac96-774b-bcce-b302099a8058";

// Knows one field: enough to see that both ways are taken.
class FakeCodec final : public StructCodec {
 public:
  absl::StatusOr<google::protobuf::Struct> ToStruct(
      const google::protobuf::Message& message) const override {
    google::protobuf::Struct value;
    (*value.mutable_fields())["type"].set_string_value(message.GetDescriptor()->full_name());
    return value;
  }
  absl::Status ToMessage(const google::protobuf::Struct& value,
                         google::protobuf::Message*) const override {
    if (value.fields().empty()) return absl::OkStatus();
    return MakeError(v1::ERROR_REASON_UNKNOWN_FIELD);
  }
};

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    world_.table->Bind<&SessionService::Session>("heim.v1.EventService.Session", service_);
  }

  void Open(const std::string& bearer = "ann", const std::string& cursor = "") {
    auto context = world_.Context(bearer);
    context->request_id = "session";
    context->resume_cursor = cursor;
    Open(std::move(context));
  }
  void Open(std::shared_ptr<CallContext> context) {
    world_.invoker.Open(*world_.table->Find("heim.v1.EventService.Session"), std::move(context),
                        nullptr, [&](absl::StatusOr<std::shared_ptr<StreamCall>> opened) {
                          open_status_ = opened.status();
                          if (opened.ok()) stream_ = *opened;
                        });
    if (stream_ != nullptr) stream_->SetReady([this] { ++ready_; });
  }

  void Feed(v1::SessionRequest request) {
    stream_->Feed(std::make_unique<v1::SessionRequest>(std::move(request)), [this] { ++wanted_; });
  }
  void FeedMessage(const std::string& id, const std::string& content) {
    v1::SessionRequest request;
    request.set_id(id);
    request.mutable_message_send()->set_channel_id("c");
    request.mutable_message_send()->set_content(content);
    Feed(request);
  }

  // All that there is to pull, joined as a front joins it.
  v1::SessionResponse Pull() {
    std::string bytes;
    do {
      std::vector<FramePtr> frames;
      state_ = stream_->Pull(100, &frames);
      for (const FramePtr& frame : frames) bytes.append(frame->proto());
    } while (state_ == FrameSource::State::kMore);
    v1::SessionResponse response;
    EXPECT_TRUE(response.ParseFromString(bytes));
    return response;
  }

  ManualClock clock_;
  ManualTimers timers_{clock_};
  InlineExecutor executor_;
  RpcWorld world_{clock_, timers_, executor_};
  FakeCodec codec_;
  std::vector<ChannelId> checked_;
  SessionService service_{{world_.invoker, world_.hub, executor_, world_.limits, world_.ids, codec_,
                           [this](const Caller&, const std::vector<ChannelId>& channels) {
                             checked_ = channels;
                             return channels[0].str() == kHidden ? ChannelNotFound()
                                                                 : absl::OkStatus();
                           }}};
  absl::Status open_status_;
  std::shared_ptr<StreamCall> stream_;
  FrameSource::State state_ = FrameSource::State::kIdle;
  int ready_ = 0;
  int wanted_ = 0;
};

TEST_F(SessionTest, SaysHelloThenAnswersACommandWithItsId) {
  Open("ann", "1.7");
  ASSERT_TRUE(open_status_.ok()) << open_status_;
  EXPECT_EQ(world_.hub.last()->options.request.cursor(), "1.7");
  FeedMessage("a", "hi");
  EXPECT_EQ(wanted_, 1);
  EXPECT_GT(ready_, 0);
  std::vector<FramePtr> frames;
  stream_->Pull(1, &frames);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0]->kind(), Frame::Kind::kControl);
  const v1::SessionResponse rest = Pull();
  ASSERT_EQ(rest.replies_size(), 1);
  EXPECT_EQ(rest.replies(0).id(), "a");
  EXPECT_EQ(rest.replies(0).ack().message_id(), "m-hi");
  EXPECT_EQ(state_, FrameSource::State::kIdle);
}

TEST_F(SessionTest, NeedsACredentialAndAWorkspace) {
  Open("");
  EXPECT_EQ(ReasonOf(open_status_), v1::ERROR_REASON_UNAUTHENTICATED);
  Caller nowhere = MakeCaller("nowhere");
  nowhere.workspace_id = WorkspaceId();
  world_.authenticator.Add("nowhere", nowhere);
  Open("nowhere");
  EXPECT_EQ(ReasonOf(open_status_), v1::ERROR_REASON_WORKSPACE_NOT_FOUND);
}

TEST_F(SessionTest, ABadCommandIsAnsweredAndTheSessionGoesOn) {
  Open();
  Feed(v1::SessionRequest());
  FeedMessage("nul", std::string(1, '\0'));
  v1::SessionRequest long_id;
  long_id.set_id(std::string(129, 'x'));
  long_id.mutable_ping();
  Feed(long_id);
  FeedMessage("good", "hi");
  const v1::SessionResponse response = Pull();
  ASSERT_EQ(response.replies_size(), 4);
  EXPECT_EQ(response.replies(0).error().code(), "unknown_type");
  EXPECT_EQ(response.replies(1).id(), "nul");
  EXPECT_EQ(response.replies(1).error().code(), "invalid_argument");
  EXPECT_EQ(response.replies(1).error().request_id(), "session.1");
  EXPECT_EQ(response.replies(2).error().fields(0).field(), "id");
  EXPECT_TRUE(response.replies(3).ack().ok());
}

TEST_F(SessionTest, PiecesOfAStreamAreAcknowledgedOnlyWhenTheyHaveAnId) {
  Open();
  v1::SessionRequest chunk;
  chunk.mutable_message_stream_chunk()->set_stream_id("s");
  chunk.mutable_message_stream_chunk()->set_delta("x");
  Feed(chunk);
  EXPECT_EQ(Pull().replies_size(), 0);
  chunk.set_id("1");
  Feed(chunk);
  const v1::SessionResponse response = Pull();
  ASSERT_EQ(response.replies_size(), 1);
  EXPECT_EQ(response.replies(0).ack().next_index(), 7u);
  chunk.clear_id();
  chunk.mutable_message_stream_chunk()->set_delta(std::string(1, '\0'));
  Feed(chunk);
  EXPECT_TRUE(Pull().replies(0).has_error());
}

TEST_F(SessionTest, CommandsKeepTheirOrderAndCallsDoNotWait) {
  std::vector<Reply<v1::SendMessageResponse>> held;
  std::vector<std::string> started;
  world_.services.send = [&](CallContext&, const v1::SendMessageRequest& request,
                             Reply<v1::SendMessageResponse> reply) {
    started.push_back(request.content());
    held.push_back(std::move(reply));
  };
  Open();
  FeedMessage("1", "first");
  FeedMessage("2", "second");
  v1::SessionRequest ping;
  ping.set_id("ping");
  ping.mutable_ping();
  Feed(ping);
  v1::SessionRequest call;
  call.set_id("call");
  call.mutable_call()->set_method("heim.v1.ChannelService.ListChannels");
  Feed(call);
  EXPECT_EQ(started, std::vector<std::string>({"first"}));
  v1::SessionResponse response = Pull();
  ASSERT_EQ(response.replies_size(), 2);
  EXPECT_TRUE(response.replies(0).has_pong());
  EXPECT_EQ(response.replies(1).call_result().response().fields().at("type").string_value(),
            "heim.v1.ListChannelsResponse");
  held[0](v1::SendMessageResponse());
  EXPECT_EQ(started, std::vector<std::string>({"first", "second"}));
  held[1](v1::SendMessageResponse());
  response = Pull();
  ASSERT_EQ(response.replies_size(), 2);
  EXPECT_EQ(response.replies(0).id(), "1");
  EXPECT_EQ(response.replies(1).id(), "2");
}

TEST_F(SessionTest, ACallReachesCallableMethodsOnly) {
  Open();
  v1::SessionRequest call;
  for (const char* method :
       {"heim.v1.AuthService.Login", "heim.v1.EventService.Subscribe", "heim.v1.Nothing", ""}) {
    call.mutable_call()->set_method(method);
    Feed(call);
    EXPECT_EQ(Pull().replies(0).error().fields(0).field(), "method") << method;
  }
  call.mutable_call()->set_method("heim.v1.ChannelService.ListChannels");
  (*call.mutable_call()->mutable_request()->mutable_fields())["x"].set_bool_value(true);
  Feed(call);
  EXPECT_EQ(Pull().replies(0).error().code(), "unknown_field");
}

TEST_F(SessionTest, NoMoreThan32CommandsAreTakenUntilAReplyIsPulled) {
  std::vector<Reply<v1::SendMessageResponse>> held;
  world_.services.send = [&](CallContext&, const v1::SendMessageRequest&,
                             Reply<v1::SendMessageResponse> reply) {
    held.push_back(std::move(reply));
  };
  Open();
  Pull();
  for (int i = 0; i < kCommandsInFlightMax; ++i) FeedMessage("x", "x");
  EXPECT_EQ(wanted_, kCommandsInFlightMax - 1);
  // An answer lets the next command of the channel start, which is held too.
  const auto answer_one = [&] {
    Reply<v1::SendMessageResponse> reply = std::move(held.back());
    held.pop_back();
    reply(v1::SendMessageResponse());
  };
  answer_one();
  EXPECT_EQ(wanted_, kCommandsInFlightMax - 1);  // the reply still waits for its reader
  EXPECT_EQ(Pull().replies_size(), 1);
  EXPECT_EQ(wanted_, kCommandsInFlightMax);
  while (!held.empty()) answer_one();
}

TEST_F(SessionTest, SubscribeChecksNamedChannelsAndMovesTheSubscription) {
  Open();
  v1::SessionRequest request;
  request.set_id("s");
  request.mutable_subscribe()->add_channel_ids(kGeneral);
  request.mutable_subscribe()->set_cursor("1.3");
  Feed(request);
  EXPECT_TRUE(Pull().replies(0).ack().ok());
  EXPECT_EQ(checked_.at(0).str(), kGeneral);
  {
    absl::MutexLock lock(&world_.hub.last()->calls_mutex);
    EXPECT_EQ(world_.hub.last()->subscribed.at(0).cursor(), "1.3");
  }
  request.mutable_subscribe()->set_channel_ids(0, kHidden);
  Feed(request);
  EXPECT_EQ(Pull().replies(0).error().code(), "channel_not_found");
  request.mutable_subscribe()->clear_channel_ids();
  request.mutable_subscribe()->set_workspace_id("other");
  Feed(request);
  EXPECT_EQ(Pull().replies(0).error().fields(0).field(), "workspace_id");
  v1::SessionRequest unsubscribe;
  unsubscribe.mutable_unsubscribe()->add_channel_ids(kGeneral);
  Feed(unsubscribe);
  EXPECT_TRUE(Pull().replies(0).ack().ok());
  absl::MutexLock lock(&world_.hub.last()->calls_mutex);
  EXPECT_EQ(world_.hub.last()->unsubscribed.at(0).at(0).str(), kGeneral);
}

TEST_F(SessionTest, ACredentialThatMayNotReadHearsNothing) {
  Caller writer = MakeCaller("writer");
  writer.scopes = {std::string(kScopeMessagesWrite)};
  world_.authenticator.Add("writer", writer);
  Open("writer", "1.1");
  ASSERT_TRUE(open_status_.ok()) << open_status_;
  const v1::SubscribeRequest& asked = world_.hub.last()->options.request;
  EXPECT_TRUE(asked.cursor().empty());
  EXPECT_TRUE(asked.durable_only());
  EXPECT_EQ(asked.types(0), "presence.changed");
  v1::SessionRequest request;
  request.mutable_subscribe();
  Feed(request);
  FeedMessage("1", "hi");
  const v1::SessionResponse response = Pull();
  EXPECT_EQ(response.replies(0).error().code(), "missing_scope");
  EXPECT_TRUE(response.replies(1).ack().ok());
}

TEST_F(SessionTest, EachCommandIsAuthenticatedAnew) {
  Open();
  world_.authenticator.Remove("ann");
  FeedMessage("1", "hi");
  EXPECT_EQ(Pull().replies(0).error().code(), "unauthenticated");
}

TEST_F(SessionTest, ASessionOfATicketKeepsItsCaller) {
  world_.authenticator.Add("heim_ticket_x", MakeCaller("ann"));
  auto context = world_.Context("heim_ticket_x");
  context->allow_ticket = true;
  Open(std::move(context));
  world_.authenticator.Remove("heim_ticket_x");
  FeedMessage("1", "hi");
  EXPECT_TRUE(Pull().replies(0).ack().ok());
}

TEST_F(SessionTest, AnOrderlyEndWaitsForAnswersButARefusalDoesNot) {
  std::optional<Reply<v1::SendMessageResponse>> held;
  world_.services.send = [&](CallContext&, const v1::SendMessageRequest&,
                             Reply<v1::SendMessageResponse> reply) {
    held.emplace(std::move(reply));
  };
  Open();
  FeedMessage("1", "hi");
  world_.hub.last()->Finish(absl::OkStatus());
  Pull();
  EXPECT_EQ(state_, FrameSource::State::kIdle);
  const int ready = ready_;
  (*held)(v1::SendMessageResponse());
  EXPECT_GT(ready_, ready);
  EXPECT_EQ(Pull().replies_size(), 1);
  EXPECT_EQ(state_, FrameSource::State::kEnded);

  stream_ = nullptr;
  Open();
  FeedMessage("2", "hi");
  world_.hub.last()->Finish(MakeError(v1::ERROR_REASON_TOKEN_REVOKED));
  Pull();
  EXPECT_EQ(state_, FrameSource::State::kEnded);
  EXPECT_EQ(ReasonOf(stream_->status()), v1::ERROR_REASON_TOKEN_REVOKED);
}

TEST_F(SessionTest, CommandsGoOnWhenTheClientLeaves) {
  std::vector<Reply<v1::SendMessageResponse>> held;
  world_.services.send = [&](CallContext&, const v1::SendMessageRequest&,
                             Reply<v1::SendMessageResponse> reply) {
    held.push_back(std::move(reply));
  };
  Open();
  FeedMessage("1", "first");
  FeedMessage("2", "second");
  stream_->Cancel();
  EXPECT_TRUE(world_.hub.last()->cancelled());
  stream_ = nullptr;
  const int ready = ready_;
  held[0](v1::SendMessageResponse());
  ASSERT_EQ(held.size(), 2u);
  held[1](v1::SendMessageResponse());
  EXPECT_EQ(ready_, ready);
  EXPECT_EQ(world_.invoker.in_flight(), 0u);
}

}  // namespace
}  // namespace heim
