// Streams through the hub: readers get start, chunks by index, end and message, whenever they come.
#include <string>

#include "server/hub/hub_fixture.h"
#include "server/hub/hub_limits.h"

namespace heim {
namespace {

class StreamReadingTest : public HubFixture {
 protected:
  void SetUp() override {
    HubFixture::SetUp();
    room_ = AddChannel("room", v1::CHANNEL_TYPE_PUBLIC, {ann_, bob_});
  }
  // The text of the stream as a client puts it together; fails on a gap.
  static std::string TextOf(const TestReader& reader, uint32_t* next_index) {
    std::string text;
    uint32_t next = 0;
    for (const FramePtr& frame : reader.frames) {
      if (frame->kind() != Frame::Kind::kEvent) continue;
      const v1::Event& event = frame->event();
      if (event.has_message_stream_snapshot()) {
        text = event.message_stream_snapshot().stream().content();
        next = event.message_stream_snapshot().stream().next_index();
      } else if (event.has_message_stream_chunk()) {
        EXPECT_EQ(event.message_stream_chunk().index(), next) << "a gap or a repeat";
        text += event.message_stream_chunk().delta();
        next = event.message_stream_chunk().next_index();
      }
    }
    *next_index = next;
    return text;
  }
  bool ReadToIndex(TestReader* reader, uint32_t index) {
    uint32_t next = 0;
    return reader->ReadUntil([&] {
      TextOf(*reader, &next);
      return next >= index;
    });
  }

  ChannelId room_;
};

TEST_F(StreamReadingTest, ChunksAreMergedAndComeByIndexBetweenStartAndEnd) {
  auto reader = Listen(bob_);
  const v1::Stream stream = StartStream(room_, ann_);
  for (const char* word : {"one ", "two ", "three "}) MustAppend(stream, word);
  clock_.Advance(kChunkMergeFor);
  ASSERT_TRUE(ReadToIndex(reader.get(), 3));
  EXPECT_EQ(reader->Events(v1::Event::kMessageStreamChunk).size(), 1u);
  MustAppend(stream, "four");
  const uint64_t last = FinishStream(stream);
  ASSERT_TRUE(reader->ReadToPosition(last));

  uint32_t next = 0;
  EXPECT_EQ(TextOf(*reader, &next), "one two three four");
  EXPECT_EQ(next, 4u);
  std::vector<v1::Event::PayloadCase> order;
  for (const FramePtr& frame : reader->frames) {
    if (frame->kind() == Frame::Kind::kEvent) order.push_back(frame->event().payload_case());
  }
  EXPECT_EQ(order, (std::vector<v1::Event::PayloadCase>{
                       v1::Event::kMessageStreamStart, v1::Event::kMessageStreamChunk,
                       v1::Event::kMessageStreamChunk, v1::Event::kMessageStreamEnd,
                       v1::Event::kMessageNew}));
}

TEST_F(StreamReadingTest, ALateReaderGetsASnapshotAndThenTheChunksAfterIt) {
  const v1::Stream stream = StartStream(room_, ann_);
  MustAppend(stream, "early ");
  auto late = Listen(bob_);
  ASSERT_TRUE(ReadToIndex(late.get(), 1));
  MustAppend(stream, "late");
  clock_.Advance(kChunkMergeFor);
  ASSERT_TRUE(ReadToIndex(late.get(), 2));
  uint32_t next = 0;
  EXPECT_EQ(TextOf(*late, &next), "early late");
  EXPECT_EQ(late->Events(v1::Event::kMessageStreamSnapshot).size(), 1u);
}

TEST_F(StreamReadingTest, AReaderThatLostChunksGetsASnapshotInstead) {
  auto reader = Listen(bob_);
  const v1::Stream stream = StartStream(room_, ann_);
  uint32_t index = 0;
  // More than half an outbox of chunks that nobody pulls.
  for (size_t i = 0; i < kOutboxMaxFrames; ++i) {
    MustAppend(stream, "x");
    ++index;
    clock_.Advance(kChunkMergeFor);
  }
  const uint64_t mark = Post(room_, ann_, "mark");
  ASSERT_TRUE(reader->ReadToPosition(mark));
  MustAppend(stream, "y");
  clock_.Advance(kChunkMergeFor);
  ASSERT_TRUE(ReadToIndex(reader.get(), index + 1));
  uint32_t next = 0;
  EXPECT_EQ(TextOf(*reader, &next), std::string(index, 'x') + "y");
}

TEST_F(StreamReadingTest, AWatcherGetsSnapshotChunksEndAndMessageAndThenTheEnd) {
  const v1::Stream stream = StartStream(room_, ann_);
  MustAppend(stream, "begun ");
  auto source = hub_->WatchStream(CallerOf(bob_), StreamId(stream.id()));
  ASSERT_TRUE(source.ok()) << source.status();
  TestReader watcher(*source);
  ASSERT_TRUE(ReadToIndex(&watcher, 1));
  MustAppend(stream, "done");
  FinishStream(stream);
  ASSERT_TRUE(watcher.ReadToEnd());
  EXPECT_TRUE(watcher.source->status().ok());
  uint32_t next = 0;
  EXPECT_EQ(TextOf(watcher, &next), "begun done");
  EXPECT_EQ(watcher.Events(v1::Event::kMessageStreamEnd).size(), 1u);
  ASSERT_EQ(watcher.Events(v1::Event::kMessageNew).size(), 1u);
  EXPECT_EQ(watcher.Events(v1::Event::kMessageNew)[0]->message_new().message().content(),
            "begun done");
  const auto gone = hub_->WatchStream(CallerOf(bob_), StreamId(stream.id()));
  EXPECT_EQ(gone.status().code(), absl::StatusCode::kNotFound);
}

TEST_F(StreamReadingTest, TextReachesTheStreamsRowAndTheMessage) {
  const v1::Stream stream = StartStream(room_, ann_);
  MustAppend(stream, "kept");
  clock_.Advance(kStreamPersistEvery);
  // Commits are in order, so this one comes after.
  MustCommit([&](WriteTx& tx) -> absl::Status {
    HEIM_ASSIGN_OR_RETURN(const StreamRow row, tx.streams.Get(StreamId(stream.id())));
    EXPECT_EQ(row.stream.content(), "kept");
    EXPECT_EQ(row.stream.durable_index(), 1u);
    HEIM_ASSIGN_OR_RETURN(const v1::Message message,
                          tx.messages.Get(MessageId(stream.message_id())));
    EXPECT_EQ(message.content(), "kept");
    return absl::OkStatus();
  });
  EXPECT_EQ(MustAppend(stream, "more").durable_index(), 1u);
}

TEST_F(StreamReadingTest, ARemovedWatcherIsLetGo) {
  const ChannelId secret = AddChannel("secret", v1::CHANNEL_TYPE_PRIVATE, {ann_, bob_});
  const v1::Stream stream = StartStream(secret, ann_);
  auto source = hub_->WatchStream(CallerOf(bob_), StreamId(stream.id()));
  ASSERT_TRUE(source.ok());
  TestReader watcher(*source);
  RemoveMember(secret, bob_);
  ASSERT_TRUE(watcher.ReadToEnd());
  EXPECT_EQ(watcher.source->status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace heim
