// Goal: content and parts of a message always say the same, within their limits.
#include "server/model/content.h"

#include "gtest/gtest.h"
#include "server/model/errors.h"
#include "server/model/limits.h"

namespace heim {
namespace {

v1::Part Text(const std::string& text, const std::string& id = "") {
  v1::Part part;
  part.set_id(id);
  part.mutable_text()->set_text(text);
  return part;
}

v1::Part Reasoning(const std::string& text) {
  v1::Part part;
  part.mutable_reasoning()->set_text(text);
  return part;
}

v1::Message Message(const std::string& content, const std::vector<v1::Part>& parts = {}) {
  v1::Message message;
  message.set_content(content);
  for (const v1::Part& part : parts) *message.add_parts() = part;
  return message;
}

v1::ErrorReason ReasonFor(v1::Message message) {
  return ReasonOf(NormalizeMessageContent(&message));
}

TEST(ContentTest, PartsProjectTheirTextAndNothingElse) {
  v1::Message message = Message("", {Text("one"), Reasoning("secret"), Text(""), Text("two")});
  message.add_parts()->mutable_tool_call()->set_name("search");
  message.add_parts()->mutable_data()->set_kind("chart");
  ASSERT_TRUE(NormalizeMessageContent(&message).ok());
  EXPECT_EQ(message.content(), "one\n\ntwo");
}

TEST(ContentTest, BothSentAreKeptAsSent) {
  v1::Message message = Message("short", {Text("long")});
  ASSERT_TRUE(NormalizeMessageContent(&message).ok());
  EXPECT_EQ(message.content(), "short");
  EXPECT_EQ(message.parts(0).text().text(), "long");
}

TEST(ContentTest, ContentAloneMakesNoParts) {
  v1::Message message = Message("hello");
  ASSERT_TRUE(NormalizeMessageContent(&message).ok());
  EXPECT_EQ(message.parts_size(), 0);
}

TEST(ContentTest, NewlinesAreOfOneKind) {
  v1::Message message = Message("a\r\nb", {Text("c\r\nd")});
  ASSERT_TRUE(NormalizeMessageContent(&message).ok());
  EXPECT_EQ(message.content(), "a\nb");
  EXPECT_EQ(message.parts(0).text().text(), "c\nd");
}

TEST(ContentTest, MissingPartIdsAreFilledAroundThoseThatAreGiven) {
  v1::Message message = Message("", {Text("a"), Text("b", "p1"), Text("c"), Text("d", "mine")});
  ASSERT_TRUE(NormalizeMessageContent(&message).ok());
  EXPECT_EQ(message.parts(0).id(), "p2");
  EXPECT_EQ(message.parts(1).id(), "p1");
  EXPECT_EQ(message.parts(2).id(), "p3");
  EXPECT_EQ(message.parts(3).id(), "mine");
}

TEST(ContentTest, SomethingMustBeSaid) {
  EXPECT_EQ(ReasonFor(Message("")), v1::ERROR_REASON_CONTENT_EMPTY);
  EXPECT_EQ(ReasonFor(Message(" \n\t\r\n ")), v1::ERROR_REASON_CONTENT_EMPTY);
  EXPECT_EQ(ReasonFor(Message("", {Text("")})), v1::ERROR_REASON_CONTENT_EMPTY);
  EXPECT_EQ(ReasonFor(Message("", {Reasoning("hm")})), v1::ERROR_REASON_UNSPECIFIED);
  v1::Message file = Message("");
  file.add_attachments()->set_file_id("f");
  EXPECT_EQ(ReasonFor(file), v1::ERROR_REASON_UNSPECIFIED);
}

TEST(ContentTest, LimitsAreExactAndNamed) {
  EXPECT_EQ(ReasonFor(Message(std::string(kMessageContentMaxBytes, 'x'))),
            v1::ERROR_REASON_UNSPECIFIED);
  v1::Message over = Message(std::string(kMessageContentMaxBytes + 1, 'x'));
  const absl::Status status = NormalizeMessageContent(&over);
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_CONTENT_TOO_LONG);
  EXPECT_EQ(ToError(status, "").details().fields().at("max_bytes").number_value(), 262144);
  EXPECT_NE(ToError(status, "").message().find("256 KiB"), std::string::npos);
  EXPECT_EQ(ReasonFor(Message("", {Text(std::string(kMessageContentMaxBytes / 2, 'x')),
                                   Text(std::string(kMessageContentMaxBytes / 2, 'x'))})),
            v1::ERROR_REASON_CONTENT_TOO_LONG);
  EXPECT_EQ(ReasonFor(Message("short", {Text(std::string(kMessageContentMaxBytes * 2, 'x'))})),
            v1::ERROR_REASON_CONTENT_TOO_LONG);
  EXPECT_EQ(ReasonFor(Message("short", {Reasoning(std::string(kMessageHiddenMaxBytes, 'x'))})),
            v1::ERROR_REASON_CONTENT_TOO_LONG);
}

TEST(ContentTest, PartsAreOneOfAKindAndTheirIdsUnique) {
  EXPECT_EQ(ReasonFor(Message("x", {v1::Part()})), v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(ReasonFor(Message("x", {Text("a", "i"), Text("b", "i")})),
            v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(ReasonFor(Message("x", std::vector<v1::Part>(kPartsMax + 1, Text("a")))),
            v1::ERROR_REASON_INVALID_ARGUMENT);
}

TEST(ContentTest, MetadataAndAttachmentsAreBounded) {
  v1::Message files = Message("x");
  for (int i = 0; i <= kAttachmentsMax; ++i) files.add_attachments();
  EXPECT_EQ(ReasonFor(files), v1::ERROR_REASON_INVALID_ARGUMENT);
  v1::Message large = Message("x");
  (*large.mutable_metadata()->mutable_fields())["k"].set_string_value(
      std::string(kMetadataMaxBytes, 'x'));
  EXPECT_EQ(ReasonFor(large), v1::ERROR_REASON_INVALID_ARGUMENT);
  v1::Message deep = Message("x");
  google::protobuf::Struct* level = deep.mutable_metadata();
  for (int i = 1; i < kMetadataMaxDepth; ++i) {
    level = (*level->mutable_fields())["k"].mutable_struct_value();
  }
  (*level->mutable_fields())["k"].set_bool_value(true);
  EXPECT_EQ(ReasonFor(deep), v1::ERROR_REASON_UNSPECIFIED);
  (*(*level->mutable_fields())["k"].mutable_struct_value()->mutable_fields())["k"].set_bool_value(
      true);
  EXPECT_EQ(ReasonFor(deep), v1::ERROR_REASON_INVALID_ARGUMENT);
}

v1::Part ToolCall(const std::string& id, v1::ToolCallState state) {
  v1::Part part;
  part.mutable_tool_call()->set_call_id(id);
  part.mutable_tool_call()->set_name("search");
  part.mutable_tool_call()->set_state(state);
  return part;
}

TEST(ContentTest, AForwardNeedsNoTextOfItsOwn) {
  v1::Message message = Message("");
  EXPECT_EQ(ReasonFor(message), v1::ERROR_REASON_CONTENT_EMPTY);
  message.mutable_forward()->set_message_id("m");
  EXPECT_EQ(ReasonFor(message), v1::ERROR_REASON_UNSPECIFIED);
}

TEST(ContentTest, PartsNameWhatTheyReferTo) {
  v1::Part source;
  source.mutable_source()->set_url("https://example.com/");
  EXPECT_TRUE(CheckPartReferences(Message("x", {source, ToolCall("c", {})})).ok());
  v1::Part file;
  file.mutable_file();
  v1::Part data;
  data.mutable_data();
  v1::Part task;
  task.mutable_task();
  v1::Part approval;
  approval.mutable_approval();
  source.mutable_source()->set_url("javascript:x");
  for (const v1::Part& bad : {source, file, data, task, approval, ToolCall("", {})}) {
    EXPECT_EQ(ReasonOf(CheckPartReferences(Message("x", {bad}))), v1::ERROR_REASON_INVALID_ARGUMENT)
        << bad.ShortDebugString();
  }
  EXPECT_FALSE(CheckPartReferences(Message("x", {ToolCall("c", {}), ToolCall("c", {})})).ok());
}

TEST(ContentTest, ToolCallsGoForwardAndEndForGood) {
  const auto may = [](v1::ToolCallState from, v1::ToolCallState to) {
    return CheckToolCallProgress(Message("x", {ToolCall("c", from)}),
                                 Message("x", {ToolCall("c", to)}))
        .ok();
  };
  // From the row's state: unset, pending, awaiting approval, running, completed, failed, denied.
  const std::vector<std::string> expected = {".......", "x......", "xx.....", "xxx....",
                                             "xxxx.xx", "xxxxx.x", "xxxxxx."};
  for (int from = 0; from < 7; ++from) {
    std::string row;
    for (int to = 0; to < 7; ++to) {
      row +=
          may(static_cast<v1::ToolCallState>(from), static_cast<v1::ToolCallState>(to)) ? '.' : 'x';
    }
    EXPECT_EQ(row, expected[static_cast<size_t>(from)]) << from;
  }
  EXPECT_TRUE(CheckToolCallProgress(Message("x", {ToolCall("c", v1::TOOL_CALL_STATE_FAILED)}),
                                    Message("x", {ToolCall("d", v1::TOOL_CALL_STATE_PENDING)}))
                  .ok())
      << "another call";
}

}  // namespace
}  // namespace heim
