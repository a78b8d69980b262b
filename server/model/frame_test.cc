// Goal: frames of any kinds joined are one valid response, and what is derived is made once.
#include "server/model/frame.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "server/model/event_type.h"

namespace heim {
namespace {

v1::Event NewMessage(uint64_t position, const std::string& content) {
  v1::Event event;
  event.set_position(position);
  event.set_channel_id("c");
  event.mutable_message_new()->mutable_message()->set_content(content);
  return event;
}

v1::Control Heartbeat() {
  v1::Control control;
  control.mutable_heartbeat();
  return control;
}

TEST(FrameTest, JoinedFramesAreOneResponse) {
  v1::Reply reply;
  reply.set_id("7");
  reply.mutable_ack()->set_ok(true);
  std::string bytes;
  for (const auto& frame :
       {MakeEventFrame(NewMessage(1, "one"), "e.1"), MakeControlFrame(Heartbeat(), "e.1"),
        MakeEventFrame(NewMessage(2, std::string(1000, 'x')), "e.2"), MakeReplyFrame(reply),
        MakeCursorFrame("e.2")}) {
    bytes.append(frame->proto());
  }
  v1::SessionResponse expected;
  *expected.add_events() = NewMessage(1, "one");
  *expected.add_events() = NewMessage(2, std::string(1000, 'x'));
  expected.set_cursor("e.2");
  *expected.mutable_control() = Heartbeat();
  *expected.add_replies() = reply;
  v1::SessionResponse parsed;
  ASSERT_TRUE(parsed.ParseFromString(bytes));
  EXPECT_EQ(parsed.SerializeAsString(), expected.SerializeAsString());
}

TEST(FrameTest, EventBytesAreThoseOfNormalSerialisation) {
  v1::SubscribeResponse response;
  *response.add_events() = NewMessage(5, "hello");
  const auto frame = MakeEventFrame(NewMessage(5, "hello"), "e.5");
  EXPECT_EQ(frame->proto(), response.SerializeAsString());
  const auto from_bytes =
      MakeEventFrameFromBytes(NewMessage(5, "hello").SerializeAsString(), "e.5", 5);
  EXPECT_EQ(from_bytes->proto(), frame->proto());
  EXPECT_EQ(from_bytes->event().message_new().message().content(), "hello");
  EXPECT_EQ(from_bytes->position(), 5u);
  EXPECT_EQ(from_bytes->cursor(), "e.5");
}

TEST(FrameTest, EphemeralEventsHaveNoCursor) {
  const auto frame = MakeEventFrame(NewMessage(0, "x"), "e.5");
  EXPECT_EQ(frame->cursor(), "");
  EXPECT_EQ(frame->position(), 0u);
}

TEST(FrameTest, ControlFramesCarryTheirCursorOnlyWhenTheyHaveOne) {
  EXPECT_EQ(MakeControlFrame(Heartbeat(), "e.3")->cursor(), "e.3");
  v1::SubscribeResponse response;
  ASSERT_TRUE(response.ParseFromString(std::string(MakeControlFrame(Heartbeat(), "e.3")->proto())));
  EXPECT_EQ(response.cursor(), "e.3");
  EXPECT_TRUE(response.control().has_heartbeat());
  ASSERT_TRUE(response.ParseFromString(std::string(MakeControlFrame(Heartbeat(), "")->proto())));
  EXPECT_EQ(response.cursor(), "");
}

TEST(FrameTest, WholeMessagesKeepTheirBytes) {
  auto response = std::make_unique<v1::WriteStreamResponse>();
  response->mutable_ack()->set_next_index(4);
  const std::string bytes = response->SerializeAsString();
  const auto frame = MakeMessageFrame(std::move(response));
  EXPECT_EQ(frame->kind(), Frame::Kind::kMessage);
  EXPECT_EQ(frame->proto(), bytes);
  EXPECT_EQ(static_cast<const v1::WriteStreamResponse&>(frame->message()).ack().next_index(), 4u);
}

TEST(FrameTest, DamagedBytesReadAsAnEventWithoutPayload) {
  const auto frame = MakeEventFrameFromBytes("\xff\xff\xff", "e.1", 1);
  EXPECT_EQ(frame->event().payload_case(), v1::Event::PAYLOAD_NOT_SET);
}

TEST(FrameTest, TextIsMadeOnceForEachDialectWhoeverAsks) {
  const auto frame = MakeEventFrameFromBytes(NewMessage(5, "hello").SerializeAsString(), "e.5", 5);
  std::atomic<int> made{0};
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int dialect = 0; dialect < Frame::kDialects; ++dialect) {
        const std::string& text = frame->Rendered(dialect, [&](const Frame& self) {
          ++made;
          return std::to_string(dialect) + self.event().message_new().message().content();
        });
        if (text == std::to_string(dialect) + "hello") ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, Frame::kDialects);
  EXPECT_EQ(right, 8 * Frame::kDialects);
}

TEST(EventTypeTest, EveryEventHasANameAndIsFoundByIt) {
  const auto* oneof = v1::Event::descriptor()->FindOneofByName("payload");
  EXPECT_EQ(AllEventTypes().size(), static_cast<size_t>(oneof->field_count()));
  for (const std::string_view type : AllEventTypes()) {
    EXPECT_FALSE(type.empty());
    EXPECT_NE(PayloadOfType(type), v1::Event::PAYLOAD_NOT_SET) << type;
  }
  EXPECT_EQ(AllEventTypes().front(), "message.new");
  EXPECT_EQ(PayloadOfType("typing"), v1::Event::kTyping);
  EXPECT_EQ(PayloadOfType(""), v1::Event::PAYLOAD_NOT_SET);
  EXPECT_EQ(WireType(NewMessage(1, "")), "message.new");
  EXPECT_EQ(WireType(v1::Event()), "");
}

TEST(EventTypeTest, OnlyFourKindsStayOutOfTheLog) {
  int ephemeral = 0;
  for (const std::string_view type : AllEventTypes()) ephemeral += IsEphemeral(PayloadOfType(type));
  EXPECT_EQ(ephemeral, 4);
  EXPECT_TRUE(IsEphemeral(v1::Event::kMessageStreamChunk));
  EXPECT_FALSE(IsEphemeral(NewMessage(1, "")));
}

}  // namespace
}  // namespace heim
