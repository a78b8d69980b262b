// What a reader asked for: channels, types, shards.
#include "server/hub/read_filter.h"

#include <string>

#include "gtest/gtest.h"

namespace heim {
namespace {

EventFacts In(const std::string& channel, v1::Event::PayloadCase payload) {
  EventFacts facts;
  facts.channel_id = channel;
  facts.payload = payload;
  return facts;
}

TEST(ReadFilterTest, NamedChannelsReplaceAllAndAreAddedTo) {
  ReadFilter filter = *ReadFilter::From({});
  EXPECT_TRUE(filter.WantsChannel("a"));
  filter.Remove({ChannelId("a")});
  EXPECT_FALSE(filter.WantsChannel("a"));
  EXPECT_TRUE(filter.WantsChannel("b"));
  v1::SubscribeRequest request;
  request.add_channel_ids("a");
  ASSERT_TRUE(filter.Add(request).ok());
  EXPECT_TRUE(filter.WantsChannel("a"));
  EXPECT_FALSE(filter.WantsChannel("b"));
  EXPECT_TRUE(filter.Wants(In("", v1::Event::kActorUpdated)));
  filter.Remove({});
  EXPECT_FALSE(filter.Wants(In("", v1::Event::kActorUpdated)));
  ASSERT_TRUE(filter.Add({}).ok());
  EXPECT_TRUE(filter.WantsChannel("b"));
}

TEST(ReadFilterTest, TypesAreCheckedAndChunksBringSnapshots) {
  v1::SubscribeRequest request;
  request.add_types("message.stream_chunk");
  ReadFilter filter = *ReadFilter::From(request);
  EXPECT_TRUE(filter.WantsType(v1::Event::kMessageStreamSnapshot));
  EXPECT_FALSE(filter.WantsType(v1::Event::kMessageNew));
  request.add_types("message.nwe");
  EXPECT_EQ(ReadFilter::From(request).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ReadFilterTest, DurableOnlyLeavesOutWhatIsNotInTheLog) {
  v1::SubscribeRequest request;
  request.set_durable_only(true);
  const ReadFilter filter = *ReadFilter::From(request);
  EXPECT_FALSE(filter.WantsType(v1::Event::kTyping));
  EXPECT_TRUE(filter.WantsType(v1::Event::kMessageStreamStart));
}

TEST(ReadFilterTest, ShardsTogetherHearEveryEventOnce) {
  constexpr uint32_t kShards = 3;
  for (int i = 0; i < 50; ++i) {
    const std::string channel = i == 0 ? "" : "channel " + std::to_string(i);
    int heard = 0;
    for (uint32_t shard = 0; shard < kShards; ++shard) {
      v1::SubscribeRequest request;
      request.set_shard_count(kShards);
      request.set_shard_index(shard);
      heard += ReadFilter::From(request)->Wants(In(channel, v1::Event::kMessageNew)) ? 1 : 0;
    }
    EXPECT_EQ(heard, 1) << channel;
  }
  v1::SubscribeRequest wrong;
  wrong.set_shard_count(2);
  wrong.set_shard_index(2);
  EXPECT_EQ(ReadFilter::From(wrong).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(ReadFilterTest, TheHashOfShardsNeverChanges) {
  EXPECT_EQ(StableHash(""), 14695981039346656037ULL);
  EXPECT_EQ(StableHash("a"), 12638187200555641996ULL);
}

}  // namespace
}  // namespace heim
