// The gateway over real sockets with a fake Invoker: sniffing, framing, routing, the fields of
// answers, shutdown. Every wait is for bytes, with a deadline.
#include "gateway/gateway.h"

#include <poll.h>

#include "gateway/http/testing.h"
#include "heim/v1/auth_service.pb.h"
#include "heim/v1/channel_service.pb.h"

namespace heim::gateway_test {
namespace {

const std::pair<std::string, std::string> kJson = {"Content-Type", "application/json"};

// A gateway whose channels answer with what they were asked.
struct WithChannels : Running {
  explicit WithChannels(GatewayOptions options = {}) : Running(std::move(options), false) {
    invoker.unary["heim.v1.ChannelService.GetChannel"] =
        [this](CallContext& context, const google::protobuf::Message& request,
               google::protobuf::Message* response) {
          Remember(context);
          const auto& get = static_cast<const v1::GetChannelRequest&>(request);
          if (get.channel_id() == "none") return ChannelNotFound();
          static_cast<v1::GetChannelResponse*>(response)->mutable_channel()->set_id(
              get.channel_id());
          return absl::OkStatus();
        };
    invoker.unary["heim.v1.ChannelService.CreateChannel"] =
        [this](CallContext& context, const google::protobuf::Message& request,
               google::protobuf::Message* response) {
          Remember(context);
          context.rate_limit = {50, 49, absl::Milliseconds(1200)};
          const auto& create = static_cast<const v1::CreateChannelRequest&>(request);
          static_cast<v1::CreateChannelResponse*>(response)->mutable_channel()->set_name(
              create.name());
          return absl::OkStatus();
        };
    invoker.unary["heim.v1.AuthService.Login"] =
        [this](CallContext& context, const google::protobuf::Message&, google::protobuf::Message*) {
          Remember(context);
          context.cookie = SessionCookie{"the-jwt", absl::Hours(1)};
          return absl::OkStatus();
        };
    Start();
  }

  void Remember(const CallContext& context) {
    bearer = context.bearer;
    address = context.address;
    base_url = context.base_url;
    key = context.idempotency_key;
    request_id = context.request_id;
  }

  std::string bearer, address, base_url, key, request_id;
};

TEST(SniffTest, HandsHttp2OverByteByByte) {
  GatewayOptions options;
  absl::Mutex mutex;
  std::string got;
  int fd = -1;
  options.adopt_http2 = [&](int given, std::string read_so_far) {
    absl::MutexLock lock(&mutex);
    fd = given;
    got = std::move(read_so_far);
  };
  Running running(std::move(options));
  Client client(running.gateway->port());
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (const char c : preface) client.Send(std::string(1, c));
  absl::MutexLock lock(&mutex);
  const auto adopted = [&fd]() { return fd >= 0; };
  ASSERT_TRUE(mutex.AwaitWithTimeout(absl::Condition(&adopted), absl::Seconds(kDeadlineSeconds)));
  pollfd readable = {fd, POLLIN, 0};
  while (got.size() < preface.size() && poll(&readable, 1, kDeadlineSeconds * 1000) == 1) {
    char chunk[64];
    const ssize_t count = recv(fd, chunk, sizeof chunk, 0);
    if (count <= 0) break;
    got.append(chunk, static_cast<size_t>(count));
  }
  EXPECT_EQ(got, preface);
  EXPECT_EQ(send(fd, "ok", 2, 0), 2);
  EXPECT_EQ(client.Exactly(2), "ok");
  close(fd);
}

TEST(SniffTest, AnswersTlsWithAnAlertAndRefusesHttp2WithoutATaker) {
  Running running;
  Client tls(running.gateway->port());
  tls.Send("\x16\x03\x01");
  EXPECT_EQ(tls.Exactly(7), std::string("\x15\x03\x01\x00\x02\x02\x46", 7));
  Client http2(running.gateway->port());
  http2.Send("PRI * HTTP/2.0\r\n\r\n");
  EXPECT_EQ(http2.All(), "");
}

TEST(SniffTest, ServesOthersWhileSomeSendTheBeginningOnly) {
  Running running;
  std::vector<std::unique_ptr<Client>> silent;
  for (int i = 0; i < 50; ++i) {
    silent.push_back(std::make_unique<Client>(running.gateway->port()));
    silent.back()->Send("P");
  }
  EXPECT_EQ(running.Ask("GET", "/livez").status, 200);
}

TEST(FramingTest, AbuseIsRefusedAndTheConnectionCloses) {
  WithChannels running;
  const std::string post = "POST /api/v1/channels HTTP/1.1\r\n";
  const std::string json = "Content-Type: application/json\r\n";
  struct Case {
    std::string bytes;
    int status;
  };
  const std::vector<Case> cases = {
      {"GET /livez HTTP/1.1\r\n\r\n", 400},
      {"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET /livez HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"GET /livez HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", 400},
      {"GET /livez HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", 400},
      {"GET /livez HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400},
      {"GET /livez HTTP/1.1\r\nHost: a\r\nbad\r\n\r\n", 400},
      {"GET /livez HTTP/2.7\r\nHost: a\r\n\r\n", 400},
      {"GET /livez HTTP/1.2\r\nHost: a\r\n\r\n", 400},
      {"GET livez HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /livez\r\n\r\n", 400},
      {"FOO BAR BAZ\r\n\r\n", 400},
      {"GET /liv\x01z HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {post + json + "Host: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
      {post + json + "Host: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
      {post + json + "Host: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400},
      {post + json + "Host: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400},
      {post + json + "Host: a\r\nContent-Length: +5\r\n\r\n", 400},
      {post + json + "Host: a\r\nContent-Length: 5, 5\r\n\r\n", 400},
      {post + json + "Host: a\r\nContent-Length: -1\r\n\r\n", 400},
      {post + json + "Host: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {post + json + "Host: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", 400},
      {post + json + "Host: a\r\nExpect: magic\r\nContent-Length: 2\r\n\r\n{}", 400},
      {"GET /livez HTTP/1.1\r\nHost: a\r\nX: " + std::string(20000, 'x') + "\r\n\r\n", 431},
      {post + json + "Host: a\r\nContent-Length: 10737418240\r\nExpect: 100-continue\r\n\r\n", 413},
      {post + "Host: a\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n", 415},
  };
  for (const Case& c : cases) {
    Client client(running.gateway->port());
    // What follows must never be served: it would be a smuggled request.
    client.Send(c.bytes + "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
    const Got got = ReadAnswer(client);
    EXPECT_EQ(got.status, c.status) << c.bytes.substr(0, 200);
    EXPECT_EQ(got.Get("Connection"), "close") << c.bytes.substr(0, 200);
    EXPECT_EQ(client.All(), "") << c.bytes.substr(0, 200);
  }
  EXPECT_EQ(running.Ask("GET", "/livez").status, 200);
}

TEST(FramingTest, PipelinedRequestsAreAnsweredInOrderOnOneConnection) {
  WithChannels running;
  Client client(running.gateway->port());
  std::string bytes = "\r\n";
  for (int i = 0; i < 20; ++i) {
    StrAppend(&bytes, "GET /api/v1/channels/c", i, " HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  client.Send(bytes);
  for (int i = 0; i < 20; ++i) {
    EXPECT_NE(ReadAnswer(client).body.find(StrCat("\"c", i, "\"")), std::string::npos);
  }
  EXPECT_EQ(running.gateway->connection_count(), 1u);
}

TEST(FramingTest, ChunkedBodiesAndContinueWork) {
  WithChannels running;
  Client client(running.gateway->port());
  client.Send(
      "POST /api/v1/channels HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.Until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  for (const std::string_view piece : {"7", ";ext=1\r\n{\"name\"", "\r\n", "6\r\n:\"abc\"\r\n1\r",
                                       "\n}\r\n0\r\n", "X: y\r\n\r\n"}) {
    client.Send(piece);
  }
  const Got got = ReadAnswer(client);
  EXPECT_EQ(got.status, 201) << got.body;
  EXPECT_NE(got.body.find("\"abc\""), std::string::npos);
  client.Send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(ReadAnswer(client).status, 200);
}

TEST(FramingTest, ABodyOverTheLimitIsRefusedAlsoInChunks) {
  WithChannels running;
  Client client(running.gateway->port());
  client.Send(
      "POST /api/v1/channels HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n");
  client.Send("200000\r\n" + std::string(0x200000, ' ') + "\r\n0\r\n\r\n");
  const Got got = ReadAnswer(client);
  EXPECT_EQ(got.status, 413);
  EXPECT_NE(got.body.find("payload_too_large"), std::string::npos);
  const Got announced = running.Ask("POST", "/api/v1/channels", {kJson}, std::string(2 << 20, ' '));
  EXPECT_EQ(announced.status, 413) << announced.body;
}

TEST(RoutingTest, AnswersByTheContract) {
  WithChannels running;
  const Got got = running.Ask("GET", "/api/v1/channels/abc", {{"Authorization", "Bearer key"}});
  EXPECT_EQ(got.status, 200);
  EXPECT_NE(got.body.find("\"id\":\"abc\""), std::string::npos) << got.body;
  EXPECT_EQ(got.Get("Content-Type"), "application/json");
  EXPECT_EQ(got.Get("Cache-Control"), "no-store");
  EXPECT_EQ(got.Get("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(got.Get("X-Request-Id"), running.request_id);
  EXPECT_EQ(running.bearer, "key");
  EXPECT_EQ(running.base_url, "http://heim.test");
  const Got head = running.Ask("HEAD", "/api/v1/channels/abc");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.Get("Content-Length"), got.Get("Content-Length"));
  const Got made = running.Ask("POST", "/api/v1/channels",
                               {kJson, {"Idempotency-Key", "k1"}, {"X-Request-Id", "mine-1"}},
                               R"({"name":"new"})");
  EXPECT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.Get("X-Request-Id"), "mine-1");
  EXPECT_EQ(running.key, "k1");
  EXPECT_EQ(made.Get("RateLimit-Limit"), "50");
  EXPECT_EQ(made.Get("RateLimit-Remaining"), "49");
  EXPECT_EQ(made.Get("RateLimit-Reset"), "2");
}

TEST(RoutingTest, ErrorsHaveOneForm) {
  WithChannels running;
  struct Case {
    std::string method, target, body, code;
    int status;
  };
  const std::vector<Case> cases = {
      {"GET", "/api/v1/channels/none", "", "channel_not_found", 404},
      {"GET", "/api/v1/nothing", "", "route_not_found", 404},
      {"GET", "/api/v1/channels/%zz", "", "invalid_http", 400},
      {"PUT", "/api/v1/channels", "{}", "method_not_allowed", 405},
      {"POST", "/health", "{}", "method_not_allowed", 405},
      {"POST", "/api/v1/channels", "{", "invalid_json", 400},
      {"POST", "/api/v1/channels", R"({"nmae":"x"})", "unknown_field", 400},
      {"GET", "/api/v1/channels/x?nonsense=1", "", "unknown_field", 400},
      {"GET", "/api/v1/channels/x?token=secret", "", "invalid_argument", 400},
      {"GET", "/api/v1/workspaces/x", "", "unimplemented", 501},
      {"GET", "/ws", "", "invalid_http", 426},
  };
  for (const Case& c : cases) {
    const Got got = running.Ask(c.method, c.target, {kJson}, c.body);
    EXPECT_EQ(got.status, c.status) << c.target << got.body;
    EXPECT_NE(got.body.find(StrCat("{\"error\":{\"code\":\"", c.code, "\"")), std::string::npos)
        << c.target << got.body;
    EXPECT_NE(got.body.find(StrCat("\"request_id\":\"", got.Get("X-Request-Id"), "\"")),
              std::string::npos);
    EXPECT_EQ(got.body.find("secret"), std::string::npos);
    if (c.status == 405) {
      EXPECT_NE(got.Get("Allow").find("GET"), std::string::npos);
    }
  }
  const Got lenient = running.Ask("POST", "/api/v1/channels",
                                  {kJson, {"Prefer", "handling=lenient"}}, R"({"nmae":"x"})");
  EXPECT_EQ(lenient.status, 201) << lenient.body;
}

TEST(RoutingTest, CookiesAreSetAndNeedTheirRules) {
  GatewayOptions options;
  options.tls_in_front = true;
  WithChannels running(std::move(options));
  const Got login = running.Ask("POST", "/auth/login", {kJson}, R"({"username":"a"})");
  EXPECT_EQ(login.status, 200) << login.body;
  EXPECT_EQ(login.Get("Set-Cookie"),
            "heim_session=the-jwt; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600; Secure");
  const std::pair<std::string, std::string> cookie = {"Cookie", "heim_session=the-jwt"};
  EXPECT_EQ(running.Ask("GET", "/api/v1/channels/x", {cookie}).status, 200);
  EXPECT_EQ(running.bearer, "the-jwt");
  const Got refused = running.Ask("POST", "/api/v1/channels", {cookie, kJson}, "{}");
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.body.find("csrf_failed"), std::string::npos);
  const Got good =
      running.Ask("POST", "/api/v1/channels",
                  {cookie, kJson, {"Origin", "https://heim.test"}, {"X-Heim-CSRF", "1"}}, "{}");
  EXPECT_EQ(good.status, 201) << good.body;
  // A stale cookie does not keep anybody from logging in; it just does not count.
  EXPECT_EQ(running.Ask("POST", "/auth/login", {cookie, kJson}, "{}").status, 200);
  EXPECT_EQ(running.bearer, "");
}

TEST(RoutingTest, PreflightsAreAnsweredForAllowedPages) {
  GatewayOptions options;
  options.cors_origins = {"https://app.example"};
  WithChannels running(std::move(options));
  const Got good =
      running.Ask("OPTIONS", "/api/v1/channels",
                  {{"Origin", "https://app.example"}, {"Access-Control-Request-Method", "POST"}});
  EXPECT_EQ(good.status, 204);
  EXPECT_EQ(good.Get("Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_NE(good.Get("Access-Control-Allow-Methods").find("POST"), std::string::npos);
  const Got other =
      running.Ask("OPTIONS", "/api/v1/channels",
                  {{"Origin", "https://evil.example"}, {"Access-Control-Request-Method", "POST"}});
  EXPECT_EQ(other.Get("Access-Control-Allow-Origin"), "");
  EXPECT_EQ(other.Get("Access-Control-Allow-Methods"), "");
  EXPECT_EQ(running.Ask("OPTIONS", "/nowhere").status, 404);
}

TEST(RoutingTest, ConnectSpeaksTheCanonicalDialect) {
  WithChannels running;
  const std::string path = "/heim.v1.ChannelService/GetChannel";
  const Got json = running.Ask("POST", path, {kJson}, R"({"channelId":"abc"})");
  EXPECT_EQ(json.status, 200) << json.body;
  v1::GetChannelRequest request;
  request.set_channel_id("abc");
  const Got binary = running.Ask("POST", path, {{"Content-Type", "application/proto"}},
                                 request.SerializeAsString());
  EXPECT_EQ(binary.Get("Content-Type"), "application/proto");
  v1::GetChannelResponse response;
  ASSERT_TRUE(response.ParseFromString(binary.body));
  EXPECT_EQ(response.channel().id(), "abc");
  const Got missing = running.Ask("POST", path, {kJson}, R"({"channelId":"none"})");
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(missing.body.find("{\"code\":\"not_found\",\"message\":"), 0u) << missing.body;
  EXPECT_NE(missing.body.find("google.rpc.ErrorInfo"), std::string::npos);
  EXPECT_EQ(running.Ask("POST", path, {{"Content-Type", "text/plain"}}, "x").status, 415);
  EXPECT_EQ(running.Ask("GET", path).status, 405);
  EXPECT_EQ(running.Ask("POST", "/heim.v1.No/Such", {kJson}, "{}").status, 404);
}

TEST(RoutingTest, FixedPathsNeedNoLogin) {
  GatewayOptions options;
  bool ready = false;
  options.health = [] { return R"({"status":"ok","version":"test"})"; };
  options.metrics = [] { return "heim_up 1\n"; };
  options.ready = [&ready] { return ready; };
  Running running(std::move(options));
  EXPECT_EQ(running.Ask("GET", "/health").body, R"({"status":"ok","version":"test"})");
  EXPECT_EQ(running.Ask("GET", "/metrics").body, "heim_up 1\n");
  EXPECT_EQ(running.Ask("GET", "/readyz").status, 503);
  ready = true;
  EXPECT_EQ(running.Ask("GET", "/readyz").status, 200);
  EXPECT_EQ(running.Ask("GET", "/api/v1/openapi.json").body.find("{\"openapi\":\"3.1"), 0u);
  EXPECT_NE(running.Ask("GET", "/.well-known/heim").body.find("\"/ws\""), std::string::npos);
  const Got setup = running.Ask("GET", "/setup?token=abc");
  EXPECT_NE(setup.Get("Content-Security-Policy").find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(setup.body.find("abc"), std::string::npos);
  EXPECT_EQ(running.Ask("GET", "/").status, 200);
}

TEST(AddressTest, ForwardedAddressesCountFromTrustedProxiesOnly) {
  const std::pair<std::string, std::string> forwarded = {"X-Forwarded-For", "6.6.6.6, 9.9.9.9"};
  WithChannels plain;
  plain.Ask("GET", "/api/v1/channels/x", {forwarded});
  EXPECT_EQ(plain.address, "127.0.0.1");
  GatewayOptions options;
  options.trusted_proxies = {"127.0.0.0/8"};
  WithChannels proxied(std::move(options));
  proxied.Ask("GET", "/api/v1/channels/x", {forwarded, {"X-Forwarded-Proto", "https"}});
  EXPECT_EQ(proxied.address, "9.9.9.9");
  EXPECT_EQ(proxied.base_url, "https://heim.test");
}

TEST(StartTest, APortInUseIsOneClearError) {
  Running first;
  GatewayOptions options;
  options.host = "127.0.0.1";
  options.port = first.gateway->port();
  const auto second = Gateway::Create(options, first.invoker, first.clock);
  ASSERT_FALSE(second.ok());
  EXPECT_NE(std::string(second.status().message()).find(std::to_string(options.port)),
            std::string::npos);
}

TEST(ShutdownTest, AnswersWhatIsUnderWayAndClosesTheRest) {
  WithChannels running;
  Client idle(running.gateway->port());
  idle.Send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(ReadAnswer(idle).status, 200);
  Client busy(running.gateway->port());
  busy.Send(
      "POST /api/v1/channels HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
      "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(busy.Until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  std::thread shutdown([&running] {
    running.gateway->Shutdown(running.clock.Now() + absl::Seconds(kDeadlineSeconds));
  });
  EXPECT_EQ(idle.All(), "");  // the idle one is closed first: draining has begun
  busy.Send("{}");
  const Got got = ReadAnswer(busy);
  EXPECT_EQ(got.status, 201);
  EXPECT_EQ(got.Get("Connection"), "close");
  EXPECT_EQ(busy.All(), "");
  busy.EndSending();
  shutdown.join();
  EXPECT_EQ(running.gateway->connection_count(), 0u);
}

}  // namespace
}  // namespace heim::gateway_test
