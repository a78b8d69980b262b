// WebSockets over real sockets with a stream that the test plays: the opening, credentials, the
// envelope, bad frames, closing. The client writes frames byte by byte as RFC 6455 has them.
#include <gtest/gtest.h>

#include "gateway/http/testing.h"
#include "heim/v1/event_service.pb.h"
#include "server/base/crypto.h"

namespace heim::gateway_test {
namespace {

constexpr std::string_view kOpening =
    "Host: heim.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

struct WithSession : Running {
  explicit WithSession(GatewayOptions options = {}) : Running(std::move(options), false) {
    invoker.streams["heim.v1.EventService.Session"] =
        [this](CallContext& context,
               const google::protobuf::Message*) -> absl::StatusOr<std::shared_ptr<StreamCall>> {
      if (context.bearer.empty()) return Unauthenticated("A key is needed");
      bearer = context.bearer;
      cursor = context.resume_cursor;
      workspace = context.workspace_selector;
      allow_ticket = context.allow_ticket;
      return stream;
    };
    Start();
  }

  std::shared_ptr<FakeStream> stream = std::make_shared<FakeStream>();
  std::string bearer, cursor, workspace;
  bool allow_ticket = false;
};

std::string Masked(int opcode, std::string_view payload, bool final = true) {
  std::string out;
  out.push_back(static_cast<char>((final ? 0x80 : 0) | opcode));
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(0x80 | payload.size()));
  } else if (payload.size() <= 0xFFFF) {
    out.push_back(static_cast<char>(0x80 | 126));
    for (int i = 1; i >= 0; --i) out.push_back(static_cast<char>(payload.size() >> (8 * i)));
  } else {
    out.push_back(static_cast<char>(0x80 | 127));
    for (int i = 7; i >= 0; --i) out.push_back(static_cast<char>(payload.size() >> (8 * i)));
  }
  const std::string_view mask = "\x01\x02\x03\x04";
  out += mask;
  for (size_t i = 0; i < payload.size(); ++i) {
    out.push_back(static_cast<char>(payload[i] ^ mask[i % 4]));
  }
  return out;
}

struct Frame1 {
  int opcode = -1;  // -1: the connection ended
  std::string payload;

  uint16_t code() const {
    if (opcode != 8 || payload.size() < 2) return 0;
    return static_cast<uint16_t>(static_cast<uint8_t>(payload[0]) << 8 |
                                 static_cast<uint8_t>(payload[1]));
  }
};

Frame1 ReadFrame(Client& client) {
  const std::string head = client.Exactly(2);
  if (head.size() < 2) return {};
  uint64_t size = static_cast<uint8_t>(head[1]);
  if (size >= 126) {
    const std::string more = client.Exactly(size == 126 ? 2 : 8);
    size = 0;
    for (const char c : more) size = size << 8 | static_cast<uint8_t>(c);
  }
  return {static_cast<uint8_t>(head[0]) & 0x0F, client.Exactly(size)};
}

// Opens a socket; the rest of the request line and fields are given.
std::string Open(Client& client, std::string_view query = "?token=key",
                 std::string_view more = "") {
  client.Send(StrCat("GET /ws", query, " HTTP/1.1\r\n", kOpening, more, "\r\n"));
  return client.Until("\r\n\r\n");
}

void Close(Client& client) {
  client.Send(Masked(8, std::string("\x03\xe8", 2)));
  EXPECT_EQ(ReadFrame(client).code(), 1000);
  EXPECT_EQ(client.All(), "");
}

FramePtr Event(const std::string& content, uint64_t position) {
  v1::Event event;
  event.set_position(position);
  event.mutable_message_new()->mutable_message()->set_content(content);
  return MakeEventFrame(std::move(event), StrCat("e.", position));
}

FramePtr Goodbye(const std::string& reason) {
  v1::Control control;
  control.mutable_goodbye()->set_reason(reason);
  return MakeControlFrame(std::move(control), "");
}

TEST(SocketTest, SpeaksTheEnvelopeBothWays) {
  WithSession running;
  Client client(running.gateway->port());
  const std::string head = Open(client, "?token=key&cursor=e.5&workspace_id=acme");
  EXPECT_EQ(head.find("HTTP/1.1 101"), 0u) << head;
  EXPECT_NE(head.find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
  EXPECT_EQ(running.bearer, "key");
  EXPECT_EQ(running.cursor, "e.5");
  EXPECT_EQ(running.workspace, "acme");
  EXPECT_TRUE(running.allow_ticket);
  client.Send(Masked(
      1, R"({"type":"message.send","id":"req-1","data":{"channel_id":"c","content":"Hi"}})"));
  ASSERT_TRUE(running.stream->WaitFed(1));
  const auto& request = static_cast<const v1::SessionRequest&>(running.stream->fed(0));
  EXPECT_EQ(request.id(), "req-1");
  EXPECT_EQ(request.message_send().content(), "Hi");
  v1::Reply reply;
  reply.set_id("req-1");
  reply.mutable_ack()->set_ok(true);
  reply.mutable_ack()->set_message_id("m1");
  running.stream->Push(MakeReplyFrame(std::move(reply)));
  EXPECT_EQ(ReadFrame(client).payload,
            R"({"type":"ack","id":"req-1","data":{"ok":true,"message_id":"m1"}})");
  running.stream->Push(Event("text", 7));
  const Frame1 event = ReadFrame(client);
  EXPECT_EQ(event.opcode, 1);
  EXPECT_NE(event.payload.find("\"type\":\"message.new\""), std::string::npos) << event.payload;
  EXPECT_NE(event.payload.find("\"cursor\":\"e.7\""), std::string::npos) << event.payload;
  Close(client);
  EXPECT_TRUE(running.stream->WaitCancelled());
}

TEST(SocketTest, ManyAndLargeFramesArriveInOrder) {
  WithSession running;
  Client client(running.gateway->port());
  Open(client);
  const std::string large(100'000, 'x');
  for (uint64_t i = 1; i <= 300; ++i) {
    running.stream->Push(Event(i % 50 == 0 ? large : StrCat("n", i, "."), i));
  }
  for (uint64_t i = 1; i <= 300; ++i) {
    const Frame1 frame = ReadFrame(client);
    ASSERT_NE(frame.payload.find(StrCat("\"cursor\":\"e.", i, "\"")), std::string::npos) << i;
    if (i % 50 == 0) {
      EXPECT_GT(frame.payload.size(), large.size());
    }
  }
  Close(client);
}

TEST(SocketTest, BadFramesAreAnsweredAndTheSocketStays) {
  WithSession running;
  Client client(running.gateway->port());
  Open(client);
  struct Case {
    std::string text, code, id;
  };
  const std::vector<Case> cases = {
      {"not json", "invalid_json", ""},
      {"[1]", "invalid_json", ""},
      {"", "invalid_json", ""},
      {R"({"type":"no.such","id":"x"})", "unknown_type", "x"},
      {R"({"id":"y"})", "unknown_type", "y"},
      {R"({"type":"message.send","id":"z","data":{"contnet":1}})", "unknown_field", "z"},
  };
  for (const Case& c : cases) {
    client.Send(Masked(1, c.text));
    const Frame1 frame = ReadFrame(client);
    EXPECT_NE(frame.payload.find("\"type\":\"error\""), std::string::npos) << frame.payload;
    EXPECT_NE(frame.payload.find(StrCat("\"code\":\"", c.code, "\"")), std::string::npos)
        << c.text << frame.payload;
    if (!c.id.empty()) {
      EXPECT_NE(frame.payload.find(StrCat("\"id\":\"", c.id, "\"")), std::string::npos);
    }
  }
  EXPECT_EQ(running.stream->fed_count(), 0u);
  Close(client);
}

TEST(SocketTest, FragmentsAndControlFramesMixAsTheRfcSays) {
  WithSession running;
  Client client(running.gateway->port());
  Open(client);
  const std::string text = R"({"type":"ping","id":"p"})";
  client.Send(Masked(1, text.substr(0, 5), false) + Masked(9, "are you there"));
  const Frame1 pong = ReadFrame(client);
  EXPECT_EQ(pong.opcode, 10);
  EXPECT_EQ(pong.payload, "are you there");
  client.Send(Masked(0, text.substr(5)));
  EXPECT_TRUE(running.stream->WaitFed(1));
  Close(client);
}

TEST(SocketTest, ProtocolAbuseIsClosedWithItsCode) {
  const std::vector<std::pair<std::string, uint16_t>> cases = {
      {std::string("\x81\x02hi", 4), 1002},                       // not masked
      {Masked(3, "x"), 1002},                                     // reserved opcode
      {std::string(1, '\xC1') + Masked(1, "x").substr(1), 1002},  // reserved bit
      {Masked(0, "x"), 1002},                                     // continues nothing
      {Masked(9, std::string(126, 'x')), 1002},                   // long control frame
      {Masked(9, "x", false), 1002},                              // fragmented control frame
      {Masked(1, "\xff\xfe"), 1007},                              // no UTF-8
      {Masked(8, "x"), 1002},                                     // a close without a whole code
      {Masked(8, std::string("\x03\xed", 2)), 1002},              // 1005 is not for the wire
      {Masked(1, std::string((1 << 20) + 1, ' ')), 1009},         // too big
      {Masked(2, "binary"), 1003},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    WithSession running;
    Client client(running.gateway->port());
    Open(client);
    client.Send(cases[i].first);
    EXPECT_EQ(ReadFrame(client).code(), cases[i].second) << i;
    client.EndSending();
    EXPECT_TRUE(running.stream->WaitCancelled()) << i;
  }
}

TEST(SocketTest, BackPressureHoldsTheNextCommand) {
  WithSession running;
  Client client(running.gateway->port());
  Open(client);
  running.stream->Hold();
  client.Send(Masked(1, R"({"type":"ping","id":"1"})") + Masked(1, R"({"type":"ping","id":"2"})") +
              Masked(9, "x"));
  ASSERT_TRUE(running.stream->WaitFed(1));
  running.stream->Push(Event("still written", 1));
  EXPECT_EQ(ReadFrame(client).opcode, 1);
  EXPECT_EQ(running.stream->fed_count(), 1u);
  running.stream->Release();
  EXPECT_EQ(ReadFrame(client).opcode, 10);
  EXPECT_EQ(running.stream->fed_count(), 2u);
  Close(client);
}

TEST(SocketTest, OpeningsThatAreNoneAreRefused) {
  WithSession running;
  const std::string line = "GET /ws?token=key HTTP/1.1\r\n";
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const std::string up = "Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
  const std::string v13 = "Sec-WebSocket-Version: 13\r\n";
  const std::vector<std::pair<std::string, int>> cases = {
      {line + "Host: a\r\n\r\n", 426},
      {line + up + key + "Sec-WebSocket-Version: 12\r\n\r\n", 426},
      {line + up + v13 + "\r\n", 400},
      {line + up + v13 + "Sec-WebSocket-Key: c2hvcnQ=\r\n\r\n", 400},
      {line + up + v13 + key + key + "\r\n", 400},
      {line + "Host: a\r\nConnection: close\r\nUpgrade: websocket\r\n" + key + v13 + "\r\n", 400},
      {line + up + key + v13 + "Content-Length: 3\r\n\r\nabc", 400},
      {"POST /ws HTTP/1.1\r\n" + up + key + v13 + "\r\n", 405},
      {"GET /ws?token=key&tken=x HTTP/1.1\r\n" + up + key + v13 + "\r\n", 400},
      {"GET /ws HTTP/1.1\r\n" + up + key + v13 + "\r\n", 401},
  };
  for (const auto& [bytes, status] : cases) {
    Client client(running.gateway->port());
    client.Send(bytes);
    EXPECT_EQ(ReadAnswer(client).status, status) << bytes;
  }
}

TEST(SocketTest, TakesTheCredentialInOrder) {
  const std::string offer =
      "Sec-WebSocket-Protocol: heim.v1, heim.bearer." + Base64UrlEncode("by-subprotocol") + "\r\n";
  const std::string header = "Authorization: Bearer by-header\r\n";
  const std::string cookie = "Cookie: heim_session=by-cookie\r\n";
  const std::string ours = "Origin: http://heim.test\r\n";
  const std::string theirs = "Origin: https://evil.example\r\n";
  struct Case {
    std::string query, fields, bearer;
  };
  const std::vector<Case> cases = {
      {"?token=by-query", "", "by-query"},
      {"?token=by-query", header + offer + cookie, "by-header"},
      {"?token=by-query", offer + cookie, "by-subprotocol"},
      {"?token=by-query", cookie + theirs, "by-query"},
      {"", cookie + ours, "by-cookie"},
  };
  WithSession running;
  for (const Case& c : cases) {
    Client client(running.gateway->port());
    const std::string head = Open(client, c.query, c.fields);
    EXPECT_EQ(head.find("HTTP/1.1 101"), 0u) << head;
    EXPECT_EQ(running.bearer, c.bearer);
    EXPECT_EQ(head.find("heim.bearer"), std::string::npos);
    EXPECT_EQ(head.find("Sec-WebSocket-Protocol: heim.v1\r\n") != std::string::npos,
              c.fields.find(offer) != std::string::npos);
  }
  for (const std::string& fields : {cookie + theirs, cookie}) {
    Client hijack(running.gateway->port());
    EXPECT_EQ(Open(hijack, "", fields).find("HTTP/1.1 403"), 0u);
  }
}

TEST(SocketTest, TokensInUrlsCanBeSwitchedOff) {
  GatewayOptions options;
  options.websocket_query_token = false;
  WithSession running(std::move(options));
  Client client(running.gateway->port());
  EXPECT_EQ(Open(client).find("HTTP/1.1 401"), 0u);
}

TEST(SocketTest, TheBinaryProtocolIsSessionMessages) {
  WithSession running;
  Client client(running.gateway->port());
  const std::string head = Open(client, "?token=key", "Sec-WebSocket-Protocol: heim.v1.proto\r\n");
  EXPECT_NE(head.find("Sec-WebSocket-Protocol: heim.v1.proto"), std::string::npos) << head;
  v1::SessionRequest request;
  request.set_id("1");
  request.mutable_ping();
  client.Send(Masked(2, request.SerializeAsString()));
  ASSERT_TRUE(running.stream->WaitFed(1));
  running.stream->Push(Event("text", 3));
  const Frame1 frame = ReadFrame(client);
  EXPECT_EQ(frame.opcode, 2);
  v1::SessionResponse response;
  ASSERT_TRUE(response.ParseFromString(frame.payload));
  EXPECT_EQ(response.events(0).message_new().message().content(), "text");
  client.Send(Masked(2, "\xff\xff"));
  ASSERT_TRUE(response.ParseFromString(ReadFrame(client).payload));
  EXPECT_EQ(response.replies(0).error().code(), "invalid_argument");
  Close(client);
}

TEST(SocketTest, TheEndOfTheStreamSaysWhy) {
  const std::vector<std::pair<std::string, std::pair<absl::Status, uint16_t>>> cases = {
      {"draining", {absl::OkStatus(), 1001}},
      {"credential_revoked", {Unauthenticated("revoked"), 4401}},
      {"replaced", {absl::OkStatus(), 4409}},
      {"lost_access", {absl::OkStatus(), 1008}},
      {"", {Unauthenticated("expired"), 4401}},
      {"", {MakeError(v1::ERROR_REASON_RATE_LIMITED), 4429}},
      {"", {absl::InternalError("fault"), 1011}},
  };
  for (const auto& [reason, end] : cases) {
    WithSession running;
    Client client(running.gateway->port());
    Open(client);
    running.stream->Push(Event("last words", 1));
    if (!reason.empty()) running.stream->Push(Goodbye(reason));
    running.stream->End(end.first);
    EXPECT_EQ(ReadFrame(client).opcode, 1);
    if (!reason.empty()) {
      EXPECT_NE(ReadFrame(client).payload.find(reason), std::string::npos);
    }
    EXPECT_EQ(ReadFrame(client).code(), end.second) << reason;
    client.Send(Masked(8, std::string("\x03\xe8", 2)));
    EXPECT_EQ(client.All(), "") << "no second close frame";
  }
}

TEST(SocketTest, ShutdownClosesWithGoingAway) {
  WithSession running;
  Client client(running.gateway->port());
  Open(client);
  std::thread shutdown([&running] {
    running.gateway->Shutdown(running.clock.Now() + absl::Seconds(kDeadlineSeconds));
  });
  EXPECT_EQ(ReadFrame(client).code(), 1001);
  client.Send(Masked(8, std::string("\x03\xe9", 2)));
  EXPECT_EQ(client.All(), "");
  client.EndSending();
  shutdown.join();
  EXPECT_EQ(running.gateway->connection_count(), 0u);
}

}  // namespace
}  // namespace heim::gateway_test
