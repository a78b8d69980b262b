// Goal: what goes over the wire is what was meant, and small enough to arrive. Method: tables.
#include "server/rpc/grpc/messages.h"

#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "heim/v1/event_service.pb.h"
#include "server/model/errors.h"
#include "server/model/frame.h"
#include "server/rpc/grpc/metadata.h"

namespace heim {
namespace {

FramePtr EventWith(size_t bytes) {
  v1::Event event;
  event.set_actor_id(std::string(bytes, 'a'));
  return MakeEventFrame(event, "");
}

TEST(JoinFramesTest, SmallAndLargeFramesMakeOneResponse) {
  const std::vector<FramePtr> frames = {EventWith(10),         EventWith(20),   EventWith(5000),
                                        EventWith(30),         EventWith(3000), EventWith(3001),
                                        MakeCursorFrame("1.9")};
  const grpc::ByteBuffer bytes = JoinFrames(frames);
  const auto message = ParseMessage(v1::SubscribeResponse::default_instance(), bytes);
  ASSERT_TRUE(message.ok()) << message.status();
  const auto& response = static_cast<const v1::SubscribeResponse&>(**message);
  ASSERT_EQ(response.events_size(), 6);
  EXPECT_EQ(response.events(2).actor_id().size(), 5000u);
  EXPECT_EQ(response.events(5).actor_id().size(), 3001u);
  EXPECT_EQ(response.cursor(), "1.9");
}

TEST(JoinFramesTest, ALargeFrameIsSharedAndLivesAsLongAsTheBuffer) {
  FramePtr frame = EventWith(5000);
  const std::weak_ptr<const Frame> watched = frame;
  {
    const grpc::ByteBuffer bytes = JoinFrames({frame});
    frame = nullptr;
    EXPECT_FALSE(watched.expired());
  }
  EXPECT_TRUE(watched.expired());
}

TEST(JoinFramesTest, AnEmptyMessageIsAMessage) {
  const FramePtr frame = MakeMessageFrame(std::make_unique<v1::Pong>());
  const auto message = ParseMessage(v1::Pong::default_instance(), JoinFrames({frame}));
  EXPECT_TRUE(message.ok());
}

TEST(ToGrpcStatusTest, DetailsThatWouldNotArriveAreLeftOut) {
  ErrorBuilder builder(v1::ERROR_REASON_INVALID_ARGUMENT, std::string(100'000, 'x'));
  for (int i = 0; i < 500; ++i) builder.Field("a.long.path.to.a.field", "is not what was expected");
  const grpc::Status status = ToGrpcStatus(builder.Build(), "r1");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_LT(status.error_message().size() + status.error_details().size(), 8u << 10);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.details_size(), 1);
}

TEST(PeerAddressTest, PortAndBracketsAreTakenOff) {
  EXPECT_EQ(PeerAddress("ipv4:127.0.0.1:4711"), "127.0.0.1");
  EXPECT_EQ(PeerAddress("ipv6:%5B::1%5D:4711"), "::1");
  EXPECT_EQ(PeerAddress("ipv6:[2001:db8::2]:4711"), "2001:db8::2");
  EXPECT_EQ(PeerAddress("unix:/tmp/x"), "");
}

}  // namespace
}  // namespace heim
