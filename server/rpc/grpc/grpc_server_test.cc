// Goal: the gRPC front over real sockets: all kinds of calls, errors with their details, limits,
// and that no stream is left behind wherever its client stops. Method: one server for the whole
// program, fake handlers behind the real Invoker, gRPC's own client without generated stubs.
#include "server/rpc/grpc/grpc_server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpc/health/v1/health.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/impl/codegen/client_unary_call.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/support/sync_stream.h"
#include "gtest/gtest.h"
#include "server/rpc/session.h"
#include "server/rpc/testing.h"

namespace heim {
namespace {

using grpc::internal::RpcMethod;

constexpr char kSend[] = "/heim.v1.MessageService/SendMessage";
constexpr char kSubscribe[] = "/heim.v1.EventService/Subscribe";
constexpr char kSession[] = "/heim.v1.EventService/Session";
constexpr char kUpload[] = "/heim.v1.FileService/UploadFile";

class NoCodec final : public StructCodec {
 public:
  absl::StatusOr<google::protobuf::Struct> ToStruct(
      const google::protobuf::Message&) const override {
    return google::protobuf::Struct();
  }
  absl::Status ToMessage(const google::protobuf::Struct&,
                         google::protobuf::Message*) const override {
    return absl::OkStatus();
  }
};

// An upload that remembers what it was fed; its answer is one message, when the client is done.
class FakeUpload final : public FakeSource<StreamCall> {
 public:
  void Feed(std::unique_ptr<google::protobuf::Message>, absl::AnyInvocable<void()> next) override {
    fed.fetch_add(1);
    next();
  }
  void FeedDone() override {
    done.store(true);
    auto response = std::make_unique<v1::UploadFileResponse>();
    response->mutable_file()->set_id("f");
    Push(MakeMessageFrame(std::move(response)));
    Finish(absl::OkStatus());
  }
  std::atomic<int> fed{0};
  std::atomic<bool> done{false};
};

// Thirty times as fast, so that half a minute of a stuck reader is a second.
class HastyTimers final : public Timers {
 public:
  explicit HastyTimers(Timers& timers) : timers_(timers) {}
  Id At(absl::Time when, absl::AnyInvocable<void()> callback) override {
    return timers_.At(when, std::move(callback));
  }
  Id After(absl::Duration delay, absl::AnyInvocable<void()> callback) override {
    return timers_.After(delay / 30, std::move(callback));
  }
  bool Cancel(Id id) override { return timers_.Cancel(id); }

 private:
  Timers& timers_;
};

// One server for all tests.
struct Running {
  SystemClock clock;
  ThreadTimers timers{clock};
  HastyTimers hasty{timers};
  ThreadPoolExecutor executor{{}};
  RpcWorld world{clock, timers, executor};
  NoCodec codec;
  SessionService sessions{
      {world.invoker, world.hub, executor, world.limits, world.ids, codec,
       [](const Caller&, const std::vector<ChannelId>&) { return absl::OkStatus(); }}};
  std::unique_ptr<GrpcServer> server;

  Running() {
    for (const MethodInfo* method : world.table->methods()) BindRest(*method);
    Caller busy = MakeCaller("busy");
    busy.credential_id.clear();  // no rate limit, from loopback
    world.authenticator.Add("busy", busy);
    GrpcServer::Options options;
    options.listen_address = "127.0.0.1:0";
    auto made = GrpcServer::Create(std::move(options), world.invoker, hasty);
    HEIM_CHECK(made.ok());
    server = *std::move(made);
  }
  ~Running() {
    server->Shutdown(absl::InfiniteFuture());
    executor.Stop();
  }
  void BindRest(const MethodInfo& method) {
    if (method.descriptor->full_name() == "heim.v1.EventService.Session") {
      world.table->Bind<&SessionService::Session>(method.descriptor->full_name(), sessions);
    }
  }
};

Running* running = nullptr;

class Environment final : public ::testing::Environment {
 public:
  void SetUp() override { running = new Running(); }
  void TearDown() override { delete std::exchange(running, nullptr); }
};
const auto* const environment = ::testing::AddGlobalTestEnvironment(new Environment());

bool Eventually(const std::function<bool()>& holds) {
  const SystemClock clock;
  const absl::Duration until = clock.Monotonic() + absl::Seconds(10);
  while (!holds()) {
    if (clock.Monotonic() > until) return false;
    std::this_thread::yield();
  }
  return true;
}

std::shared_ptr<grpc::Channel> ChannelTo(int port) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // a connection of its own
  arguments.SetMaxSendMessageSize(-1);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port),
                                   grpc::InsecureChannelCredentials(), arguments);
}

class GrpcServerTest : public ::testing::Test {
 protected:
  GrpcServerTest() : world_(running->world), channel_(ChannelTo(running->server->port())) {
    world_.services.send = FakeServices().send;
    NewSource();
    world_.services.upload = [this](std::shared_ptr<CallContext>) {
      return std::shared_ptr<StreamCall>(upload());
    };
  }
  ~GrpcServerTest() override {
    EXPECT_TRUE(Eventually([this] { return world_.invoker.in_flight() == 0; }));
  }

  void NewUpload() {
    auto made = std::make_shared<FakeUpload>();
    absl::MutexLock lock(&mutex_);
    upload_ = std::move(made);
  }
  std::shared_ptr<FakeUpload> upload() {
    absl::MutexLock lock(&mutex_);
    return upload_;
  }

  void NewSource() {
    source_ = std::make_shared<FakeSource<FrameSource>>();
    world_.services.SetSubscribe([source = source_](CallContext&, const v1::SubscribeRequest&,
                                                    Reply<std::shared_ptr<FrameSource>> reply) {
      reply(std::shared_ptr<FrameSource>(source));
    });
  }

  static void Prepare(grpc::ClientContext* context, const std::string& bearer = "busy") {
    if (!bearer.empty()) context->AddMetadata("authorization", absl::StrCat("Bearer ", bearer));
    context->AddMetadata("x-request-id", "call-1");
    const SystemClock clock;
    context->set_deadline(absl::ToChronoTime(clock.Now() + absl::Seconds(20)));
  }

  template <class Request, class Response>
  grpc::Status Unary(const char* name, grpc::ClientContext* context, const Request& request,
                     Response* response) {
    return grpc::internal::BlockingUnaryCall(channel_.get(),
                                             RpcMethod(name, RpcMethod::NORMAL_RPC, channel_),
                                             context, request, response);
  }
  grpc::Status Send(grpc::ClientContext* context, const std::string& content,
                    v1::SendMessageResponse* response) {
    v1::SendMessageRequest request;
    request.set_channel_id("c");
    request.set_content(content);
    return Unary(kSend, context, request, response);
  }
  std::unique_ptr<grpc::ClientReader<v1::SubscribeResponse>> Subscribe(
      grpc::ClientContext* context, const std::string& cursor = "") {
    v1::SubscribeRequest request;
    request.set_cursor(cursor);
    return std::unique_ptr<grpc::ClientReader<v1::SubscribeResponse>>(
        grpc::internal::ClientReaderFactory<v1::SubscribeResponse>::Create(
            channel_.get(), RpcMethod(kSubscribe, RpcMethod::SERVER_STREAMING, channel_), context,
            request));
  }
  using SessionStream = grpc::ClientReaderWriter<v1::SessionRequest, v1::SessionResponse>;
  std::unique_ptr<SessionStream> Session(grpc::ClientContext* context) {
    return std::unique_ptr<SessionStream>(
        grpc::internal::ClientReaderWriterFactory<v1::SessionRequest, v1::SessionResponse>::Create(
            channel_.get(), RpcMethod(kSession, RpcMethod::BIDI_STREAMING, channel_), context));
  }
  std::unique_ptr<grpc::ClientWriter<v1::UploadFileRequest>> Upload(
      grpc::ClientContext* context, v1::UploadFileResponse* response) {
    return std::unique_ptr<grpc::ClientWriter<v1::UploadFileRequest>>(
        grpc::internal::ClientWriterFactory<v1::UploadFileRequest>::Create(
            channel_.get(), RpcMethod(kUpload, RpcMethod::CLIENT_STREAMING, channel_), context,
            response));
  }

  static FramePtr EventWith(size_t bytes) {
    v1::Event event;
    event.set_position(1);
    event.set_actor_id(std::string(bytes, 'a'));
    return MakeEventFrame(event, "1.1");
  }
  static std::string ReasonIn(const grpc::Status& status) {
    google::rpc::Status details;
    google::rpc::ErrorInfo info;
    if (!details.ParseFromString(status.error_details()) || details.details_size() == 0) return "";
    EXPECT_EQ(details.code(), status.error_code());
    EXPECT_EQ(details.message(), status.error_message());
    details.details(0).UnpackTo(&info);
    EXPECT_EQ(info.domain(), "heim");
    return info.reason();
  }

  RpcWorld& world_;
  std::shared_ptr<grpc::Channel> channel_;
  std::shared_ptr<FakeSource<FrameSource>> source_;
  absl::Mutex mutex_;  // the handler runs on a thread of the executor
  std::shared_ptr<FakeUpload> upload_ ABSL_GUARDED_BY(mutex_) = std::make_shared<FakeUpload>();
};

TEST_F(GrpcServerTest, AUnaryCallIsAnswered) {
  grpc::ClientContext context;
  Prepare(&context);
  v1::SendMessageResponse response;
  const grpc::Status status = Send(&context, "hi", &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.message().content(), "hi");
  const auto& trailers = context.GetServerTrailingMetadata();
  ASSERT_EQ(trailers.count("x-request-id"), 1u);
  EXPECT_EQ(trailers.find("x-request-id")->second, "call-1");
}

TEST_F(GrpcServerTest, TrailersSayWhatIsLeftOfTheRate) {
  grpc::ClientContext context;
  Prepare(&context, "ann");
  v1::SendMessageResponse response;
  ASSERT_TRUE(Send(&context, "hi", &response).ok());
  EXPECT_EQ(context.GetServerTrailingMetadata().count("ratelimit-remaining"), 1u);
}

TEST_F(GrpcServerTest, MetadataReachesTheCall) {
  std::string workspace, client, key, address, agent, base_url;
  absl::Time deadline;
  world_.services.send = [&](CallContext& context, const v1::SendMessageRequest&,
                             Reply<v1::SendMessageResponse> reply) {
    workspace = context.workspace_selector;
    client = context.client;
    key = context.idempotency_key;
    address = context.address;
    agent = context.user_agent;
    base_url = context.base_url;
    deadline = context.deadline;
    reply(v1::SendMessageResponse());
  };
  grpc::ClientContext context;
  Prepare(&context);
  context.AddMetadata("heim-workspace", "home");
  context.AddMetadata("heim-client", "test/1");
  context.AddMetadata("idempotency-key", "k");
  v1::SendMessageResponse response;
  ASSERT_TRUE(Send(&context, "hi", &response).ok());
  EXPECT_EQ(workspace, "home");
  EXPECT_EQ(client, "test/1");
  EXPECT_EQ(key, "k");
  EXPECT_EQ(address, "127.0.0.1");
  EXPECT_NE(agent.find("grpc-c++"), std::string::npos);
  EXPECT_EQ(base_url, absl::StrCat("http://127.0.0.1:", running->server->port()));
  EXPECT_LT(deadline, SystemClock().Now() + absl::Seconds(21));
}

TEST_F(GrpcServerTest, AnErrorCarriesItsDetails) {
  v1::SendMessageResponse response;
  grpc::ClientContext anonymous;
  Prepare(&anonymous, "");
  grpc::Status status = Send(&anonymous, "hi", &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(ReasonIn(status), "UNAUTHENTICATED");
  EXPECT_EQ(anonymous.GetServerTrailingMetadata().count("x-request-id"), 1u);

  grpc::ClientContext invalid;
  Prepare(&invalid);
  status = Unary(kSend, &invalid, v1::SendMessageRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  google::rpc::BadRequest bad;
  ASSERT_GE(details.details_size(), 2);
  ASSERT_TRUE(details.details(1).UnpackTo(&bad));
  EXPECT_EQ(bad.field_violations(0).field(), "channel_id");
}

TEST_F(GrpcServerTest, BytesThatAreNoMessageAreAnInvalidArgument) {
  for (const std::string& bytes : {std::string("\x0a\x7f"), std::string("\x0a\x02\xc3\x28", 4),
                                   std::string("\xff\xff\xff\xff")}) {
    const grpc::Slice slice(bytes);
    const grpc::ByteBuffer request(&slice, 1);
    grpc::ByteBuffer response;
    grpc::ClientContext unary;
    Prepare(&unary);
    grpc::Status status = Unary(kSend, &unary, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(ReasonIn(status), "INVALID_ARGUMENT");

    grpc::ClientContext streaming;
    Prepare(&streaming);
    std::unique_ptr<grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>> stream(
        grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>::Create(
            channel_.get(), RpcMethod(kSession, RpcMethod::BIDI_STREAMING, channel_), &streaming));
    stream->Write(request);
    while (stream->Read(&response)) {
    }
    status = stream->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_TRUE(world_.hub.last()->WaitCancelled());
  }
}

TEST_F(GrpcServerTest, AMessageOverTheLimitIsRefusedAndALargeOneIsNot) {
  v1::SendMessageResponse response;
  grpc::ClientContext large;
  Prepare(&large);
  EXPECT_TRUE(Send(&large, std::string(1'000'000, 'x'), &response).ok());
  EXPECT_EQ(response.message().content().size(), 1'000'000u);
  grpc::ClientContext huge;
  Prepare(&huge);
  EXPECT_EQ(Send(&huge, std::string(2 << 20, 'x'), &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(GrpcServerTest, MetadataIsBoundedAndGivenOnce) {
  v1::SendMessageResponse response;
  grpc::ClientContext much;
  Prepare(&much);
  much.AddMetadata("x-much", std::string(9'000, 'x'));
  EXPECT_EQ(ReasonIn(Send(&much, "hi", &response)), "HEADER_TOO_LARGE");
  grpc::ClientContext twice;
  Prepare(&twice);
  twice.AddMetadata("idempotency-key", "a");
  twice.AddMetadata("idempotency-key", "b");
  EXPECT_EQ(ReasonIn(Send(&twice, "hi", &response)), "INVALID_ARGUMENT");
  grpc::ClientContext basic;
  basic.AddMetadata("authorization", "Basic eA==");
  EXPECT_EQ(ReasonIn(Send(&basic, "hi", &response)), "UNAUTHENTICATED");
}

TEST_F(GrpcServerTest, AnUnknownMethodIsUnimplemented) {
  grpc::ClientContext context;
  Prepare(&context);
  v1::SendMessageResponse response;
  const grpc::Status status =
      Unary("/heim.v1.MessageService/Nothing", &context, v1::SendMessageRequest(), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(GrpcServerTest, CompressedRequestsAreRefused) {
  grpc::ClientContext context;
  Prepare(&context);
  context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
  v1::SendMessageResponse response;
  EXPECT_EQ(Send(&context, std::string(100'000, 'x'), &response).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(GrpcServerTest, HealthIsServed) {
  grpc::ClientContext context;
  grpc::health::v1::HealthCheckRequest request;
  request.set_service("heim.v1.MessageService");
  grpc::health::v1::HealthCheckResponse response;
  const grpc::Status status = Unary("/grpc.health.v1.Health/Check", &context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.status(), grpc::health::v1::HealthCheckResponse::SERVING);
}

TEST_F(GrpcServerTest, APortThatIsTakenIsAnError) {
  GrpcServer::Options options;
  options.listen_address = absl::StrCat("127.0.0.1:", running->server->port());
  const auto second = GrpcServer::Create(std::move(options), world_.invoker, running->timers);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(GrpcServerTest, ACallThatItsClientGivesUpIsToldSo) {
  absl::Notification entered, answered;
  std::atomic<bool> cancelled{false};
  world_.services.send = [&](CallContext& context, const v1::SendMessageRequest&,
                             Reply<v1::SendMessageResponse> reply) {
    entered.Notify();
    cancelled = Eventually([&] { return context.cancelled.load(); });
    reply(v1::SendMessageResponse());
    answered.Notify();
  };
  grpc::ClientContext context;
  Prepare(&context);
  std::thread canceller([&] {
    entered.WaitForNotification();
    context.TryCancel();
  });
  v1::SendMessageResponse response;
  EXPECT_EQ(Send(&context, "hi", &response).error_code(), grpc::StatusCode::CANCELLED);
  canceller.join();
  answered.WaitForNotification();
  EXPECT_TRUE(cancelled);
}

TEST_F(GrpcServerTest, AServerStreamDeliversBatchesThenItsEnd) {
  grpc::ClientContext context;
  Prepare(&context);
  auto reader = Subscribe(&context);
  reader->WaitForInitialMetadata();
  for (int i = 0; i < 1000; ++i) source_->Push(EventWith(i % 10 == 0 ? 3000 : 100));
  source_->Finish(MakeError(v1::ERROR_REASON_TOKEN_REVOKED));
  int events = 0;
  v1::SubscribeResponse response;
  while (reader->Read(&response)) {
    EXPECT_LE(response.events_size(), 256);
    events += response.events_size();
  }
  EXPECT_EQ(events, 1000);
  EXPECT_EQ(ReasonIn(reader->Finish()), "TOKEN_REVOKED");
}

TEST_F(GrpcServerTest, AServerStreamWithoutRequestIsRefused) {
  grpc::ClientContext context;
  Prepare(&context);
  std::unique_ptr<grpc::ClientReaderWriter<v1::SubscribeRequest, v1::SubscribeResponse>> stream(
      grpc::internal::ClientReaderWriterFactory<v1::SubscribeRequest, v1::SubscribeResponse>::
          Create(channel_.get(), RpcMethod(kSubscribe, RpcMethod::BIDI_STREAMING, channel_),
                 &context));
  stream->WritesDone();
  v1::SubscribeResponse response;
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(ReasonIn(stream->Finish()), "INVALID_ARGUMENT");
}

TEST_F(GrpcServerTest, ASessionAnswersCommandsAndDeliversEvents) {
  grpc::ClientContext context;
  Prepare(&context);
  auto stream = Session(&context);
  v1::SessionResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_TRUE(response.control().has_hello());
  for (int i = 0; i < 100; ++i) {
    v1::SessionRequest request;
    request.set_id(absl::StrCat(i));
    request.mutable_message_send()->set_channel_id("c");
    request.mutable_message_send()->set_content("x");
    ASSERT_TRUE(stream->Write(request));
  }
  int next = 0;
  while (next < 100 && stream->Read(&response)) {
    for (const v1::Reply& reply : response.replies()) {
      EXPECT_EQ(reply.id(), absl::StrCat(next++));
      EXPECT_TRUE(reply.ack().ok());
    }
  }
  EXPECT_EQ(next, 100);
  world_.hub.last()->Push(EventWith(5));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.events_size(), 1);
  // The server ends it while the client could still write.
  world_.hub.last()->Finish(absl::OkStatus());
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(GrpcServerTest, ASessionGoesOnWhenTheClientHasSaidAll) {
  grpc::ClientContext context;
  Prepare(&context);
  auto stream = Session(&context);
  v1::SessionResponse response;
  ASSERT_TRUE(stream->Read(&response));
  stream->WritesDone();
  world_.hub.last()->Push(EventWith(5));
  EXPECT_TRUE(stream->Read(&response));
  world_.hub.last()->Finish(absl::OkStatus());
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(GrpcServerTest, AClientStreamIsAnsweredWhenItIsDone) {
  grpc::ClientContext context;
  Prepare(&context);
  v1::UploadFileResponse response;
  auto writer = Upload(&context, &response);
  v1::UploadFileRequest chunk;
  chunk.set_chunk(std::string(1 << 20, 'x'));
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(writer->Write(chunk));
  EXPECT_FALSE(upload()->done);
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.file().id(), "f");
  EXPECT_EQ(upload()->fed, 5);
}

TEST_F(GrpcServerTest, AnUploadThatBreaksOffIsNeverTakenForAWholeOne) {
  for (int i = 0; i < 200; ++i) {
    NewUpload();
    grpc::ClientContext context;
    Prepare(&context);
    v1::UploadFileResponse response;
    auto writer = Upload(&context, &response);
    v1::UploadFileRequest chunk;
    chunk.set_chunk("x");
    ASSERT_TRUE(writer->Write(chunk));
    ASSERT_TRUE(Eventually([this] { return upload()->fed == 1; }));
    context.TryCancel();
    writer->Finish();
    ASSERT_TRUE(upload()->WaitCancelled());
    ASSERT_FALSE(upload()->done) << i;
  }
}

TEST_F(GrpcServerTest, AStreamMayBeCancelledAtEveryStep) {
  enum class Step { kAtOnce, kBeforeOpened, kOpened, kAfterRead, kUnderLoad, kAfterEnd };
  for (const Step step : {Step::kAtOnce, Step::kBeforeOpened, Step::kOpened, Step::kAfterRead,
                          Step::kUnderLoad, Step::kAfterEnd}) {
    for (int i = 0; i < 20; ++i) {
      // Shared, and known by its cursor: a call that was given up at once may come in later.
      struct Turn {
        std::shared_ptr<FakeSource<FrameSource>> source =
            std::make_shared<FakeSource<FrameSource>>();
        absl::Notification entered, go;
      };
      const auto turn = std::make_shared<Turn>();
      const std::string name = absl::StrCat(static_cast<int>(step), ".", i);
      world_.services.SetSubscribe([step, turn, name](CallContext&,
                                                      const v1::SubscribeRequest& request,
                                                      Reply<std::shared_ptr<FrameSource>> reply) {
        if (request.cursor() != name) return reply(absl::CancelledError());
        turn->entered.Notify();
        if (step == Step::kBeforeOpened) turn->go.WaitForNotification();
        reply(std::shared_ptr<FrameSource>(turn->source));
      });
      grpc::ClientContext context;
      Prepare(&context);
      auto reader = Subscribe(&context, name);
      v1::SubscribeResponse response;
      if (step != Step::kAtOnce) turn->entered.WaitForNotification();
      if (step >= Step::kOpened) reader->WaitForInitialMetadata();
      if (step >= Step::kAfterRead) {
        turn->source->Push(EventWith(10));
        ASSERT_TRUE(reader->Read(&response));
      }
      if (step == Step::kUnderLoad) {
        for (int n = 0; n < 300; ++n) turn->source->Push(EventWith(60'000));
      }
      if (step == Step::kAfterEnd) turn->source->Finish(absl::OkStatus());
      context.TryCancel();
      if (step == Step::kBeforeOpened) turn->go.Notify();
      reader->Finish();
      // At once: the request may not even have arrived.
      ASSERT_TRUE(step == Step::kAtOnce || turn->source->WaitCancelled());
      ASSERT_TRUE(Eventually([this] { return world_.invoker.in_flight() == 0; }));
    }
  }
}

TEST_F(GrpcServerTest, AReaderThatIsStuckIsLetGo) {
  grpc::ClientContext context;
  Prepare(&context);
  auto reader = Subscribe(&context);
  reader->WaitForInitialMetadata();
  for (int i = 0; i < 300; ++i) source_->Push(EventWith(60'000));
  EXPECT_TRUE(source_->WaitCancelled());
  EXPECT_TRUE(Eventually([this] { return world_.invoker.in_flight() == 0; }));
  v1::SubscribeResponse response;
  while (reader->Read(&response)) {
  }
  EXPECT_FALSE(reader->Finish().ok());
}

TEST_F(GrpcServerTest, ASessionMayBeCancelledAtEveryStep) {
  for (int step = 0; step < 4; ++step) {
    for (int i = 0; i < 20; ++i) {
      grpc::ClientContext context;
      Prepare(&context);
      auto stream = Session(&context);
      v1::SessionResponse response;
      v1::SessionRequest request;
      request.mutable_message_send()->set_channel_id("c");
      request.mutable_message_send()->set_content("x");
      if (step >= 1) stream->Read(&response);
      for (int n = 0; step >= 2 && n < 40; ++n) stream->Write(request);
      if (step >= 3) stream->WritesDone();
      context.TryCancel();
      stream->Finish();
      ASSERT_TRUE(step == 0 || world_.hub.last()->WaitCancelled());
      ASSERT_TRUE(Eventually([this] { return world_.invoker.in_flight() == 0; }));
    }
  }
}

// Listens, and hands the next connection over after reading `sniffed` bytes of it.
class Acceptor {
 public:
  Acceptor() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    HEIM_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    HEIM_CHECK(listen(listener_, 8) == 0);
    socklen_t size = sizeof(address);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~Acceptor() { close(listener_); }

  int port() const { return port_; }
  // Answers a second descriptor of the connection.
  int HandOver(size_t sniffed) const {
    const int fd = accept(listener_, nullptr, nullptr);
    const int second = dup(fd);
    std::string bytes(sniffed, '\0');
    const ssize_t got = recv(fd, bytes.data(), bytes.size(), MSG_WAITALL);
    HEIM_CHECK(got == static_cast<ssize_t>(sniffed));
    running->server->Adopt(fd, bytes);
    return second;
  }

 private:
  const int listener_;
  int port_ = 0;
};

TEST_F(GrpcServerTest, AConnectionIsTakenOverWhereverTheSniffingStopped) {
  const Acceptor acceptor;
  for (const size_t sniffed : {0u, 1u, 4u, 14u, 24u}) {
    std::thread accepting([&] { close(acceptor.HandOver(sniffed)); });
    channel_ = ChannelTo(acceptor.port());
    grpc::ClientContext context;
    Prepare(&context);
    v1::SendMessageResponse response;
    const grpc::Status status = Send(&context, "hi", &response);
    EXPECT_TRUE(status.ok()) << sniffed << " " << status.error_message();
    accepting.join();
  }
}

TEST_F(GrpcServerTest, ALostConnectionEndsItsStreamsAndNoUploadIsTakenForWhole) {
  const Acceptor acceptor;
  for (int i = 0; i < 50; ++i) {
    NewSource();
    NewUpload();
    int connection = -1;
    std::thread accepting([&] { connection = acceptor.HandOver(4); });
    channel_ = ChannelTo(acceptor.port());
    grpc::ClientContext reading, writing;
    Prepare(&reading);
    Prepare(&writing);
    auto reader = Subscribe(&reading);
    reader->WaitForInitialMetadata();
    accepting.join();
    v1::UploadFileResponse response;
    auto writer = Upload(&writing, &response);
    v1::UploadFileRequest chunk;
    chunk.set_chunk("x");
    ASSERT_TRUE(writer->Write(chunk));
    ASSERT_TRUE(Eventually([this] { return upload()->fed == 1; }));
    shutdown(connection, SHUT_RDWR);
    close(connection);
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
    ASSERT_TRUE(source_->WaitCancelled());
    ASSERT_TRUE(upload()->WaitCancelled());
    ASSERT_FALSE(upload()->done) << i;
  }
}

}  // namespace
}  // namespace heim
