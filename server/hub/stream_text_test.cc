// The text of a stream: `content` is always the projection of the parts, whatever the order of the
// deltas; what does not fit changes nothing.
#include "server/hub/stream_text.h"

#include <string>

#include "gtest/gtest.h"
#include "server/model/errors.h"
#include "server/model/limits.h"

namespace heim {
namespace {

v1::AppendStreamRequest Bare(const std::string& delta) {
  v1::AppendStreamRequest request;
  request.set_delta(delta);
  return request;
}

v1::StreamDelta* Add(v1::AppendStreamRequest* request, uint32_t part) {
  v1::StreamDelta* delta = request->add_deltas();
  delta->set_part_index(part);
  return delta;
}

v1::AppendStreamRequest Text(uint32_t part, const std::string& text) {
  v1::AppendStreamRequest request;
  Add(&request, part)->set_text(text);
  return request;
}

TEST(StreamTextTest, BareTextHasNoParts) {
  StreamText text;
  ASSERT_TRUE(text.Append(Bare("Hello ")).ok());
  const auto applied = text.Append(Bare("world"));
  ASSERT_TRUE(applied.ok());
  EXPECT_EQ(applied->delta, "world");
  EXPECT_TRUE(applied->deltas.empty());
  EXPECT_EQ(text.content(), "Hello world");
  EXPECT_TRUE(text.parts().empty());
}

TEST(StreamTextTest, TypedDeltasBuildPartsAndOnlyTextEntersContent) {
  StreamText text;
  v1::AppendStreamRequest request;
  Add(&request, 0)->set_reasoning("thinking");
  Add(&request, 1)->set_text("First");
  Add(&request, 2)->set_tool_input("{\"a\":");
  Add(&request, 2)->set_tool_input("1}");
  Add(&request, 3)->set_text("Second");
  const auto applied = text.Append(request);
  ASSERT_TRUE(applied.ok()) << applied.status();
  EXPECT_EQ(text.content(), "First\n\nSecond");
  EXPECT_EQ(applied->delta, text.content());
  EXPECT_EQ(text.parts()[2].tool_call().input().string_value(), "{\"a\":1}");
  EXPECT_EQ(text.content(), ProjectParts(text.parts()));
}

TEST(StreamTextTest, BareTextGoesOnInTheLastTextPartOrOpensOne) {
  StreamText text;
  ASSERT_TRUE(text.Append(Text(0, "a")).ok());
  ASSERT_TRUE(text.Append(Bare("b")).ok());
  v1::AppendStreamRequest thought;
  Add(&thought, 1)->set_reasoning("hm");
  ASSERT_TRUE(text.Append(thought).ok());
  ASSERT_TRUE(text.Append(Bare("c")).ok());
  ASSERT_EQ(text.parts().size(), 3u);
  EXPECT_EQ(text.content(), "ab\n\nc");
}

TEST(StreamTextTest, ChangesBeforeTheEndAreToldAsRewritten) {
  StreamText text;
  ASSERT_TRUE(text.Append(Text(0, "a")).ok());
  ASSERT_TRUE(text.Append(Text(1, "b")).ok());
  auto applied = text.Append(Text(0, "!"));
  ASSERT_TRUE(applied.ok());
  EXPECT_TRUE(applied->rewritten);
  EXPECT_EQ(text.content(), "a!\n\nb");

  v1::AppendStreamRequest replace;
  Add(&replace, 1)->mutable_replace()->mutable_text()->set_text("bee");
  applied = text.Append(replace);
  ASSERT_TRUE(applied.ok());
  EXPECT_FALSE(applied->rewritten) << "the old text is a prefix of the new one";
  EXPECT_EQ(applied->delta, "ee");
}

TEST(StreamTextTest, WhatDoesNotFitIsRefusedAndChangesNothing) {
  StreamText text;
  ASSERT_TRUE(text.Append(Text(0, "a")).ok());
  v1::AppendStreamRequest skips = Text(2, "x");
  v1::AppendStreamRequest kind;
  Add(&kind, 1)->set_text("fits");
  Add(&kind, 0)->set_reasoning("does not");
  v1::AppendStreamRequest nothing;
  Add(&nothing, 0);
  for (const auto& request : {skips, kind, nothing, Bare(std::string("n\0l", 3))}) {
    EXPECT_EQ(text.Append(request).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(text.content(), "a");
  EXPECT_EQ(text.parts().size(), 1u);
}

TEST(StreamTextTest, LimitsHoldForOneAppendAndForAllOfThem) {
  StreamText text;
  EXPECT_EQ(ReasonOf(text.Append(Bare(std::string(kStreamAppendMaxBytes + 1, 'x'))).status()),
            v1::ERROR_REASON_CONTENT_TOO_LONG);
  for (size_t size = 0; size < kMessageContentMaxBytes; size += kStreamAppendMaxBytes) {
    ASSERT_TRUE(text.Append(Bare(std::string(kStreamAppendMaxBytes, 'x'))).ok());
  }
  EXPECT_EQ(ReasonOf(text.Append(Bare("x")).status()), v1::ERROR_REASON_CONTENT_TOO_LONG);
  EXPECT_EQ(text.content().size(), kMessageContentMaxBytes);

  StreamText parts;
  for (int i = 0; i < kPartsMax; ++i) {
    ASSERT_TRUE(parts.Append(Text(static_cast<uint32_t>(i), "")).ok()) << i;
  }
  EXPECT_EQ(ReasonOf(parts.Append(Text(kPartsMax, "x")).status()),
            v1::ERROR_REASON_CONTENT_TOO_LONG);
}

}  // namespace
}  // namespace heim
