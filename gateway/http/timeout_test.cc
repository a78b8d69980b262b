// Every deadline of a connection, with a clock that only the test moves. Before it moves, a request
// on another connection makes sure that the server waits: there is one thread of I/O.
#include <gtest/gtest.h>

#include "gateway/http/testing.h"

namespace heim::gateway_test {
namespace {

constexpr std::string_view kGet = "GET /api/v1/channels/c HTTP/1.1\r\nHost: a\r\n\r\n";

void Settle(Running& running) { EXPECT_EQ(running.Ask("GET", "/livez").status, 200); }

TEST(TimeoutTest, OnesThatSayNothingOrTooLittleAreClosed) {
  struct Case {
    std::string_view bytes;
    absl::Duration enough, short_of;
  };
  const std::vector<Case> cases = {
      {"", absl::Seconds(3), absl::Milliseconds(2900)},
      {"P", absl::Seconds(3), absl::Milliseconds(2900)},
      {"GET / HT", absl::Seconds(10), absl::Milliseconds(9900)},
      {"POST /api/v1/channels HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
       "Content-Length: 9\r\n\r\n{",
       absl::Seconds(30), absl::Milliseconds(29900)},
      {"POST /api/v1/files HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab", absl::Seconds(30),
       absl::Milliseconds(29900)},
  };
  for (const Case& c : cases) {
    Running running;
    const auto upload = std::make_shared<FakeStream>();
    running.invoker.streams["heim.v1.FileService.UploadFile"] =
        [&upload](CallContext&,
                  const google::protobuf::Message*) -> absl::StatusOr<std::shared_ptr<StreamCall>> {
      return upload;
    };
    Client client(running.gateway->port());
    client.Send(c.bytes);
    Settle(running);
    Settle(running);
    running.clock.Advance(c.short_of);
    Settle(running);
    EXPECT_GE(running.gateway->connection_count(), 1u) << c.bytes;
    running.clock.Advance(c.enough - c.short_of + absl::Milliseconds(1));
    EXPECT_EQ(client.All(), "") << c.bytes;
  }
}

TEST(TimeoutTest, AnIdleConnectionIsClosedAfterAMinute) {
  Running running;
  Client client(running.gateway->port());
  client.Send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(ReadAnswer(client).status, 200);
  Settle(running);
  running.clock.Advance(absl::Seconds(59));
  client.Send("GET /livez HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(ReadAnswer(client).status, 200);
  Settle(running);
  running.clock.Advance(absl::Seconds(61));
  EXPECT_EQ(client.All(), "");
}

TEST(TimeoutTest, ACallWithoutAnAnswerIsATimeoutAndTheNextOneWorks) {
  Running running;
  running.invoker.hold = true;
  Client client(running.gateway->port());
  client.Send(kGet);
  const std::shared_ptr<CallContext> context = running.invoker.WaitHeld();
  ASSERT_NE(context, nullptr);
  EXPECT_EQ(context->deadline, running.clock.Now() + absl::Seconds(30));
  running.clock.Advance(absl::Seconds(32));
  const Got got = ReadAnswer(client);
  EXPECT_EQ(got.status, 504);
  EXPECT_NE(got.body.find("\"code\":\"timeout\""), std::string::npos);
  EXPECT_TRUE(context->cancelled);
  running.invoker.Release();
  running.invoker.hold = false;
  client.Send(kGet);
  EXPECT_EQ(ReadAnswer(client).status, 501);
}

TEST(TimeoutTest, AnAnswerAfterTheGatewaysEndIsDropped) {
  Running running;
  running.invoker.hold = true;
  Client client(running.gateway->port());
  client.Send(kGet);
  ASSERT_NE(running.invoker.WaitHeld(), nullptr);
  running.gateway->Shutdown(running.clock.Now());
  running.gateway.reset();
  running.invoker.Release();
  EXPECT_EQ(client.All(), "");
}

TEST(TimeoutTest, ASilentEventStreamSaysThatItLives) {
  Running running;
  const auto stream = std::make_shared<FakeStream>();
  running.invoker.streams["heim.v1.EventService.Subscribe"] =
      [&stream](CallContext&,
                const google::protobuf::Message*) -> absl::StatusOr<std::shared_ptr<StreamCall>> {
    return stream;
  };
  Client client(running.gateway->port());
  client.Send("GET /api/v1/events HTTP/1.1\r\nHost: a\r\n\r\n");
  client.Until("retry: 2000");
  Settle(running);
  for (int i = 0; i < 3; ++i) {
    running.clock.Advance(absl::Seconds(16));
    EXPECT_NE(client.Until("\n:\n").find(":"), std::string::npos);
    Settle(running);
  }
}

TEST(TimeoutTest, ASilentSocketIsAskedThenClosed) {
  Running running;
  const auto stream = std::make_shared<FakeStream>();
  running.invoker.streams["heim.v1.EventService.Session"] =
      [&stream](CallContext&,
                const google::protobuf::Message*) -> absl::StatusOr<std::shared_ptr<StreamCall>> {
    return stream;
  };
  Client client(running.gateway->port());
  client.Send(
      "GET /ws?token=k HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  EXPECT_EQ(client.Until("\r\n\r\n").find("HTTP/1.1 101"), 0u);
  Settle(running);
  running.clock.Advance(absl::Seconds(31));
  EXPECT_EQ(client.Exactly(2), std::string("\x89\x00", 2));
  const std::string pong("\x8A\x80mask", 6);
  client.Send(pong);
  Settle(running);
  running.clock.Advance(absl::Seconds(31));
  EXPECT_EQ(client.Exactly(2), std::string("\x89\x00", 2));
  Settle(running);
  running.clock.Advance(absl::Seconds(60));
  // Perhaps one more ping, then the close frame.
  const std::string rest = client.Until("nothing was heard");
  EXPECT_NE(rest.find("\x11\x38"), std::string::npos);  // 4408
  Settle(running);
  running.clock.Advance(absl::Seconds(6));
  client.All();
  EXPECT_TRUE(stream->WaitCancelled());
}

}  // namespace
}  // namespace heim::gateway_test
