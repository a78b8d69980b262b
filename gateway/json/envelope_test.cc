// Goal: frames look like the examples that client authors work from, and commands are read by their
// type. Method: examples as text, and a law over all types of the contract.

#include "gateway/json/envelope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "gateway/json/codec.h"
#include "gateway/json/testing.h"
#include "google/protobuf/text_format.h"
#include "heim/v1/options.pb.h"
#include "server/base/strings.h"

namespace heim {
namespace {

using testing::HasSubstr;

template <typename T>
T FromText(const std::string& text) {
  T message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

google::protobuf::Timestamp Noon() {
  google::protobuf::Timestamp time;
  time.set_seconds(1736937000);
  return time;
}

std::string Event(const std::string& text, std::string_view cursor) {
  std::string out;
  AppendEvent(FromText<v1::Event>(text), cursor, &out);
  return out;
}

std::string Reply(const std::string& text) {
  std::string out;
  AppendReply(FromText<v1::Reply>(text), nullptr, &out);
  return out;
}

TEST(EnvelopeTest, DurableEventsCarryTheirCursorEphemeralOnesDoNot) {
  EXPECT_EQ(Event("position: 3 timestamp { seconds: 1736937000 } "
                  "member_removed { channel_id: 'c' actor_id: 'a' removed_by: 'b' }",
                  "e.3"),
            R"({"type":"member.removed","timestamp":"2025-01-15T10:30:00Z","cursor":"e.3",)"
            R"("data":{"channel_id":"c","actor_id":"a","removed_by":"b"}})");
  EXPECT_EQ(Event("timestamp { seconds: 1736937000 nanos: 5000000 } "
                  "typing { channel_id: 'c' actor { id: 'a' username: 'alice' type: "
                  "ACTOR_TYPE_HUMAN } }",
                  "e.3"),
            R"({"type":"typing","timestamp":"2025-01-15T10:30:00.005Z","data":{"channel_id":"c",)"
            R"("actor":{"id":"a","username":"alice","type":"human","display_name":""}}})");
}

TEST(EnvelopeTest, AnEventOfANewerServerIsStillAFrame) {
  EXPECT_EQ(Event("position: 3", "e.3"), R"({"type":"unknown","cursor":"e.3","data":{}})");
}

TEST(EnvelopeTest, RepliesCarryTheIdOfTheirCommand) {
  EXPECT_EQ(Reply("id: 'req-1' ack { ok: true message_id: 'm' }"),
            R"({"type":"ack","id":"req-1","data":{"ok":true,"message_id":"m"}})");
  EXPECT_EQ(Reply("id: 'req-6' pong {}"), R"({"type":"pong","id":"req-6"})");
  EXPECT_EQ(Reply("id: 'r' call_result { response { fields { key: 'a' value { number_value: 1 } "
                  "} } }"),
            R"({"type":"result","id":"r","data":{"response":{"a":1}}})");
  EXPECT_EQ(Reply("id: 'req-1' error { code: 'channel_not_found' message: 'No such channel' "
                  "status: 'NOT_FOUND' request_id: 'q' }"),
            R"({"type":"error","id":"req-1","data":{"code":"channel_not_found",)"
            R"("message":"No such channel","status":"NOT_FOUND","request_id":"q","fields":[]}})");
}

TEST(EnvelopeTest, ControlFramesCarryACursorWhereTheyMayBeResumedFrom) {
  const auto control = [](const std::string& text) {
    std::string out;
    const auto time = Noon();
    AppendControl(FromText<v1::Control>(text), "e.9", &time, &out);
    return out;
  };
  EXPECT_EQ(control("heartbeat {}"),
            R"({"type":"heartbeat","timestamp":"2025-01-15T10:30:00Z","cursor":"e.9","data":{}})");
  EXPECT_EQ(control("reset { reason: 'cursor_expired' }"),
            R"({"type":"reset","timestamp":"2025-01-15T10:30:00Z","cursor":"e.9",)"
            R"("data":{"reason":"cursor_expired"}})");
  EXPECT_EQ(control("goodbye { reason: 'draining' reconnect_after_ms: 10 }"),
            R"({"type":"goodbye","timestamp":"2025-01-15T10:30:00Z",)"
            R"("data":{"reason":"draining","reconnect_after_ms":10}})");
  for (const char* text : {"hello {}", "caught_up {}"}) {
    EXPECT_THAT(control(text), HasSubstr(R"("cursor":"e.9")"));
  }
  EXPECT_THAT(control("lagging {}"), testing::Not(HasSubstr("cursor")));
}

TEST(EnvelopeTest, AFrameIsRenderedByItsKind) {
  const auto event = FromText<v1::Event>("position: 3 channel_archived {}");
  EXPECT_EQ(RenderFrame(*MakeEventFrame(event, "e.3")),
            R"({"type":"channel.archived","cursor":"e.3","data":{}})");
  EXPECT_EQ(RenderFrame(*MakeEventFrameFromBytes(event.SerializeAsString(), "e.3", 3)),
            R"({"type":"channel.archived","cursor":"e.3","data":{}})");
  EXPECT_EQ(RenderFrame(*MakeControlFrame(FromText<v1::Control>("caught_up {}"), "e.4")),
            R"({"type":"caught_up","cursor":"e.4","data":{}})");
  EXPECT_EQ(RenderFrame(*MakeReplyFrame(FromText<v1::Reply>("id: 'r' pong {}"))),
            R"({"type":"pong","id":"r"})");
  EXPECT_EQ(RenderFrame(*MakeMessageFrame(std::make_unique<v1::CallResult>())), "{}");
  EXPECT_EQ(RenderFrame(*MakeCursorFrame("e.5")), "");
}

TEST(CommandTest, TheExamplesOfTheProtocolAreRead) {
  const std::pair<const char*, v1::SessionRequest::CommandCase> kExamples[] = {
      {R"({"type":"message.send","id":"req-1","data":{"channel_id":"ch-uuid",
           "content":"Hello from my agent!","content_type":"markdown","thread_id":null,
           "metadata":{"model":"claude-3.5-sonnet","confidence":0.95}}})",
       v1::SessionRequest::kMessageSend},
      {R"({"type":"typing.start","id":"req-2","data":{"channel_id":"ch-uuid"}})",
       v1::SessionRequest::kTypingStart},
      {R"({"type":"channel.mark_read","data":{"channel_id":"ch-uuid","message_id":"msg-uuid"}})",
       v1::SessionRequest::kChannelMarkRead},
      {R"({"type":"presence.update","data":{"presence":"online","status":"Processing…"}})",
       v1::SessionRequest::kPresenceUpdate},
      {R"({"type":"subscribe","data":{"channel_ids":["ch-1","ch-2"]}})",
       v1::SessionRequest::kSubscribe},
      {R"({"type":"ping","id":"req-6"})", v1::SessionRequest::kPing},
      {R"({"data":{"channel_id":"c","thread_id":"m"},"id":"req-10","timestamp":"whenever",
           "type":"message.stream_start"})",
       v1::SessionRequest::kMessageStreamStart},
      {R"({"type":"message.stream_end","data":{"stream_id":"s","metadata":{"tokens_used":1523}}})",
       v1::SessionRequest::kMessageStreamEnd},
      {R"({"type":"subscribe","data":null,"id":null})", v1::SessionRequest::kSubscribe},
  };
  for (const auto& [text, command] : kExamples) {
    const ParsedCommand parsed = ParseCommand(text);
    EXPECT_TRUE(parsed.status.ok()) << parsed.status;
    EXPECT_EQ(parsed.request.command_case(), command) << text;
    EXPECT_EQ(parsed.request.id(), parsed.id);
  }
  EXPECT_EQ(ParseCommand(kExamples[0].first).request.message_send().channel_id(), "ch-uuid");
}

TEST(CommandTest, EveryCommandIsReachedByItsType) {
  const auto* descriptor = v1::SessionRequest::descriptor();
  int commands = 0;
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* field = descriptor->field(i);
    if (field->real_containing_oneof() == nullptr) continue;
    const std::string& type = field->options().GetExtension(v1::wire_type);
    const ParsedCommand parsed = ParseCommand(StrCat(R"({"type":")", type, R"(","data":{}})"));
    EXPECT_EQ(static_cast<int>(parsed.request.command_case()), field->number()) << type;
    ++commands;
  }
  EXPECT_GT(commands, 10);
}

TEST(CommandTest, ErrorsKeepTheIdWhereverItStands) {
  const std::pair<const char*, v1::ErrorReason> kCases[] = {
      {R"({"type":"message.sent","id":"r"})", v1::ERROR_REASON_UNKNOWN_TYPE},
      {R"({"id":"r"})", v1::ERROR_REASON_UNKNOWN_TYPE},
      {R"({"type":null,"id":"r"})", v1::ERROR_REASON_UNKNOWN_TYPE},
      {R"({"id":"r","type":"ping","extra":1})", v1::ERROR_REASON_UNKNOWN_FIELD},
      {R"({"extra":1,"type":"ping","id":"r"})", v1::ERROR_REASON_UNKNOWN_FIELD},
      {R"({"id":"r","type":7})", v1::ERROR_REASON_INVALID_ARGUMENT},
      {R"({"id":"r","type":"message.send","data":[]})", v1::ERROR_REASON_INVALID_ARGUMENT},
      {R"({"type":"message.send","data":{"content":1},"id":"r"})",
       v1::ERROR_REASON_INVALID_ARGUMENT},
      {R"({"type":"message.send","data":{"contents":"x"},"id":"r"})",
       v1::ERROR_REASON_UNKNOWN_FIELD},
      {R"({"type":"message.send","data":{"a":1,"a":1},"id":"r"})", v1::ERROR_REASON_UNKNOWN_FIELD},
      {R"({"id":"r","type":"ping","type":"ping"})", v1::ERROR_REASON_INVALID_JSON},
      {R"({"id":"r","type":"ping")", v1::ERROR_REASON_INVALID_JSON},
      {R"({"id":"r","type":"ping",})", v1::ERROR_REASON_INVALID_JSON},
      {R"({"id":"r","type":"message.send","data":{"content":"\x"}})",
       v1::ERROR_REASON_INVALID_JSON},
  };
  for (const auto& [text, reason] : kCases) {
    const ParsedCommand parsed = ParseCommand(text);
    EXPECT_EQ(ReasonOf(parsed.status), reason) << text << "\n" << parsed.status;
    EXPECT_EQ(parsed.id, EndsWith(text, "}") ? "r" : "") << text;
  }
  EXPECT_THAT(std::string(ParseCommand(kCases[0].first).status.message()),
              HasSubstr("message.send"));
}

TEST(CommandTest, OffsetsCountFromTheFramesBeginning) {
  const std::string frame = R"({"type":"message.send","data":{"content":nope}})";
  EXPECT_THAT(std::string(ParseCommand(frame).status.message()),
              HasSubstr(StrCat("byte ", frame.find("nope"))));
}

}  // namespace
}  // namespace heim
