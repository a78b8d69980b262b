// Goal: what Heim JSON looks like, field by field, and that canonical JSON is what protobuf's own
// converter makes of a message. Method: tables on messages of the contract.

#include "gateway/json/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "gateway/json/testing.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "heim/v1/actor_service.pb.h"
#include "heim/v1/event_service.pb.h"
#include "heim/v1/file_service.pb.h"
#include "heim/v1/message_service.pb.h"
#include "heim/v1/stream_service.pb.h"
#include "heim/v1/workspace.pb.h"
#include "server/base/strings.h"

namespace heim {
namespace {

using google::protobuf::Message;
using testing::ElementsAre;
using testing::HasSubstr;

template <typename T>
T FromText(const std::string& text) {
  T message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

template <typename T>
T FromJson(std::string_view json) {
  T message;
  const absl::Status status = ParseJson(json, JsonOptions(), &message);
  EXPECT_TRUE(status.ok()) << status;
  return message;
}

std::string Written(const Message& message, Dialect dialect = Dialect::kHeim) {
  std::string out;
  AppendJson(message, dialect, &out);
  return out;
}

bool SameMessage(const Message& a, const Message& b) {
  return google::protobuf::util::MessageDifferencer::Equals(a, b);
}

TEST(WriterTest, ScalarsAndListsAreAlwaysWrittenOptionalsAndMessagesOnlyWhenSet) {
  EXPECT_EQ(Written(v1::ActorRef()), R"({"id":"","username":"","display_name":""})");
  EXPECT_EQ(Written(FromText<v1::ActorRef>("avatar_url: ''")),
            R"({"id":"","username":"","display_name":"","avatar_url":""})");
  EXPECT_EQ(Written(v1::ReactionGroup()), R"({"emoji":"","count":0,"actor_ids":[]})");
  EXPECT_EQ(Written(v1::SendMessageResponse()), "{}");
  EXPECT_EQ(Written(v1::GetMessageResponse::default_instance()), "{}");
}

TEST(WriterTest, EnumsAreLowerCaseWithoutTheirPrefixAndUnspecifiedIsLeftOut) {
  v1::ActorPresence presence;
  EXPECT_EQ(Written(presence), R"({"actor_id":""})");
  presence.set_presence(v1::PRESENCE_DND);
  EXPECT_EQ(Written(presence), R"({"actor_id":"","presence":"dnd"})");
  presence.set_presence(static_cast<v1::Presence>(99));
  EXPECT_EQ(Written(presence), R"({"actor_id":"","presence":99})");
  v1::ToolCallPart call;
  call.set_state(v1::TOOL_CALL_STATE_AWAITING_APPROVAL);
  EXPECT_EQ(Written(call), R"({"call_id":"","name":"","state":"awaiting_approval"})");
}

TEST(WriterTest, SixtyFourBitIntegersAreNumbersWhileEveryParserTakesThemExactly) {
  v1::ReadUpdated read;
  read.set_last_read_seq(9007199254740991u);
  EXPECT_THAT(Written(read), HasSubstr(R"("last_read_seq":9007199254740991,)"));
  read.set_last_read_seq(9007199254740992u);
  EXPECT_THAT(Written(read), HasSubstr(R"("last_read_seq":"9007199254740992",)"));
  v1::DownloadFileRequest file;
  file.set_offset(-9007199254740991);
  EXPECT_THAT(Written(file), HasSubstr(R"("offset":-9007199254740991,)"));
  file.set_offset(std::numeric_limits<int64_t>::min());
  EXPECT_THAT(Written(file), HasSubstr(R"("offset":"-9223372036854775808",)"));
  EXPECT_THAT(Written(file, Dialect::kCanonical), HasSubstr(R"("offset":"-9223372036854775808")"));
}

TEST(WriterTest, TimesHaveThreeDecimalsOrNone) {
  v1::Workspace workspace;
  workspace.mutable_created_at()->set_seconds(1736937000);
  EXPECT_THAT(Written(workspace), HasSubstr(R"("created_at":"2025-01-15T10:30:00Z")"));
  workspace.mutable_created_at()->set_nanos(120999999);
  EXPECT_THAT(Written(workspace), HasSubstr(R"("created_at":"2025-01-15T10:30:00.120Z")"));
  workspace.mutable_created_at()->set_nanos(999999);
  EXPECT_THAT(Written(workspace), HasSubstr(R"("created_at":"2025-01-15T10:30:00Z")"));
}

TEST(WriterTest, DurationsHaveTheDecimalsTheyNeed) {
  v1::Stream stream;
  stream.mutable_idle_timeout()->set_seconds(60);
  EXPECT_THAT(Written(stream), HasSubstr(R"("idle_timeout":"60s")"));
  stream.mutable_idle_timeout()->set_nanos(500000000);
  EXPECT_THAT(Written(stream), HasSubstr(R"("idle_timeout":"60.5s")"));
  EXPECT_THAT(Written(stream, Dialect::kCanonical), HasSubstr(R"("idle_timeout":"60.500s")"));
}

TEST(WriterTest, FreeJsonIsWrittenPlainWithSortedKeys) {
  const std::string json =
      R"({"a":[1,2.5,"x",null,true,{}],"b":{"deep":{"er":-1e-07}},"c":"\u0001\"\\"})";
  EXPECT_EQ(Written(FromJson<google::protobuf::Struct>(json)), json);
}

TEST(WriterTest, StringsAreEscapedOnlyWhereTheyMustBe) {
  v1::TextPart part;
  for (int c = 0; c < 128; ++c) {
    part.set_text(StrCat("0123456", std::string(1, static_cast<char>(c)), "89abcdef"));
    EXPECT_EQ(FromJson<v1::TextPart>(Written(part)).text(), part.text()) << c;
  }
  part.set_text("naïve 日本 🎉 </script> \xE2\x80\xA8");
  EXPECT_EQ(Written(part), StrCat(R"({"text":")", part.text(), R"("})"));
}

TEST(WriterTest, ListedEventsAreEnvelopesWithCursorsOfThePagesEpoch) {
  const auto page = FromText<v1::ListEventsResponse>(R"pb(
    events {
      position: 7
      timestamp { seconds: 1736937000 }
      channel_id: "c"
      reaction_added { channel_id: "c" message_id: "m" actor_id: "a" emoji: "+1" count: 2 }
    }
    events { presence_changed { actor_id: "a" presence: PRESENCE_AWAY } }
    cursor: "ep.och.9"
  )pb");
  EXPECT_EQ(Written(page),
            R"({"events":[{"type":"reaction.added","timestamp":"2025-01-15T10:30:00Z",)"
            R"("cursor":"ep.och.7","data":{"channel_id":"c","message_id":"m","actor_id":"a",)"
            R"("emoji":"+1","count":2}},{"type":"presence.changed","data":{"actor_id":"a",)"
            R"("presence":"away"}}],"cursor":"ep.och.9","has_more":false})");
  EXPECT_THAT(Written(page, Dialect::kCanonical), HasSubstr(R"("reaction_added":{)"));
}

TEST(ReaderTest, NamesAreTakenInBothSpellingsAndEnumsInThree) {
  for (const char* json : {R"({"channel_id":"c","content_type":"markdown"})",
                           R"({"channelId":"c","contentType":"CONTENT_TYPE_MARKDOWN"})",
                           R"( { "channel_id" : "c" , "contentType" : 2 } )",
                           "{\"channel_id\":\"\\u0063\",\r\n\t\"content\\u005ftype\":2.0}"}) {
    const auto request = FromJson<v1::SendMessageRequest>(json);
    EXPECT_EQ(request.channel_id(), "c");
    EXPECT_EQ(request.content_type(), v1::CONTENT_TYPE_MARKDOWN);
  }
}

TEST(ReaderTest, NullLeavesAFieldUnsetAndIsAValueOfFreeJson) {
  const auto request = FromJson<v1::SendMessageRequest>(
      R"({"content":null,"thread_id":null,"parts":null,"metadata":null})");
  EXPECT_TRUE(SameMessage(request, v1::SendMessageRequest()));
  const auto call = FromJson<v1::ToolCallPart>(R"({"input":null})");
  EXPECT_EQ(call.input().kind_case(), google::protobuf::Value::kNullValue);
  EXPECT_FALSE(call.has_output());
}

TEST(ReaderTest, WholeNumbersAreExactInAnySpelling) {
  const std::pair<const char*, int64_t> kGood[] = {
      {"0", 0},
      {"-0", 0},
      {"1.0", 1},
      {"1e3", 1000},
      {"12.5e1", 125},
      {"1000e-3", 1},
      {"9007199254740993", 9007199254740993},
      {"9223372036854775807", std::numeric_limits<int64_t>::max()},
      {"-9223372036854775808", std::numeric_limits<int64_t>::min()},
      {"\"9223372036854775807\"", std::numeric_limits<int64_t>::max()},
      {"0e999999999999", 0},
      {"922337203685477580.7e1", std::numeric_limits<int64_t>::max()},
  };
  for (const auto& [text, value] : kGood) {
    const auto file = FromJson<v1::DownloadFileRequest>(StrCat(R"({"offset":)", text, "}"));
    EXPECT_EQ(file.offset(), value) << text;
  }
  for (const char* text : {"1.5", "1e-1", "9223372036854775808", "-9223372036854775809", "1e19",
                           "1e99999999999999999999", "\"\"", "\"1 \"", "\"0x1\"", "true", "[]"}) {
    v1::DownloadFileRequest file;
    const absl::Status status = ParseJson(StrCat(R"({"offset":)", text, "}"), {}, &file);
    EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_INVALID_ARGUMENT) << text;
  }
  v1::Mention mention;
  for (const char* text : {"-1", "4294967296", "\"1\""}) {
    EXPECT_FALSE(ParseJson(StrCat(R"({"start":)", text, "}"), {}, &mention).ok()) << text;
  }
  EXPECT_TRUE(ParseJson(R"({"start":4294967295})", {}, &mention).ok());
}

TEST(ReaderTest, FreeJsonKeepsNumbersOrRefusesThem) {
  const auto read = [](const char* text) {
    google::protobuf::Struct out;
    const absl::Status status = ParseJson(StrCat(R"({"n":)", text, "}"), {}, &out);
    return status.ok() ? ToJson(out) : std::string("refused");
  };
  EXPECT_EQ(read("0.95"), R"({"n":0.95})");
  EXPECT_EQ(read("9007199254740992"), R"({"n":9007199254740992})");
  EXPECT_EQ(read("9007199254740993"), "refused");
  EXPECT_EQ(read("1e400"), "refused");
  EXPECT_EQ(read("1e-400"), R"({"n":0})");
  EXPECT_EQ(read("18446744073709551616"), R"({"n":18446744073709551616})");
}

TEST(ReaderTest, AnyOffsetIsTakenAndCountedIn) {
  const auto seconds = [](const char* text) -> int64_t {
    v1::Workspace workspace;
    const absl::Status status =
        ParseJson(StrCat(R"({"created_at":")", text, "\"}"), {}, &workspace);
    return status.ok() ? workspace.created_at().seconds() : -1;
  };
  EXPECT_EQ(seconds("2025-01-15T10:30:00Z"), 1736937000);
  EXPECT_EQ(seconds("2025-01-15t10:30:00.123456789z"), 1736937000);
  EXPECT_EQ(seconds("2025-01-15T12:30:00+02:00"), 1736937000);
  EXPECT_EQ(seconds("2025-01-14T20:00:00.5-14:30"), 1736937000);
  EXPECT_EQ(seconds("2000-02-29T00:00:00Z"), 951782400);
  for (const char* bad :
       {"2025-01-15", "2025-01-15T10:30:00", "2025-01-15 10:30:00Z", "2025-13-01T00:00:00Z",
        "2025-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2025-01-15T24:00:00Z",
        "2025-01-15T10:30:00.Z", "2025-01-15T10:30:00.1234567890Z", "2025-01-15T10:30:00+2:00",
        "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00", "2025-01-15T10:30:00Zx"}) {
    EXPECT_EQ(seconds(bad), -1) << bad;
  }
}

TEST(ReaderTest, AOneofTakesOneMember) {
  v1::Part part;
  EXPECT_TRUE(ParseJson(R"({"text":{"text":"x"},"data":null})", {}, &part).ok());
  const absl::Status status = ParseJson(R"({"text":{"text":"x"},"data":{}})", {}, &part);
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_THAT(std::string(status.message()), HasSubstr("only one of text and data"));
}

TEST(ReaderTest, KeysPresentAreLeavesAndWholeObjects) {
  v1::Actor actor;
  std::vector<std::string> keys;
  ASSERT_TRUE(ParseJson(R"({"displayName":"x","status":null,"metadata":{"a":{"b":1}},
                            "agent":{"model":"m","config":{"x":1},"capabilities":["a"]}})",
                        {}, &actor, &keys)
                  .ok());
  EXPECT_THAT(keys, ElementsAre("display_name", "status", "metadata", "agent.model", "agent.config",
                                "agent.capabilities"));
  keys.clear();
  ASSERT_TRUE(ParseJson(R"({"agent":null})", {}, &actor, &keys).ok());
  EXPECT_THAT(keys, ElementsAre("agent"));
}

TEST(ReaderTest, UnknownKeysNameThePathAndTheNearestField) {
  v1::SendMessageRequest request;
  const absl::Status status =
      ParseJson(R"({"parts":[{"text":{"text":"a"}},{"tool_cal":{}}]})", {}, &request);
  EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_UNKNOWN_FIELD);
  EXPECT_THAT(std::string(status.message()), HasSubstr("parts[1].tool_cal"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("tool_call"));
}

TEST(ReaderTest, LenientAndCanonicalInputSkipUnknownKeysButNotMalformedOnes) {
  for (const JsonOptions options :
       {JsonOptions{Dialect::kHeim, true}, JsonOptions{Dialect::kCanonical, false}}) {
    v1::SendMessageRequest request;
    EXPECT_TRUE(ParseJson(R"({"x":{"y":[1,{"z":null}]},"content":"c"})", options, &request).ok());
    EXPECT_EQ(request.content(), "c");
    for (const char* bad : {R"({"x":1,"x":2})", R"({"x":{"y":1,"y":2}})", R"({"x":nope})"}) {
      EXPECT_EQ(ReasonOf(ParseJson(bad, options, &request)), v1::ERROR_REASON_INVALID_JSON) << bad;
    }
  }
}

TEST(ReaderTest, WrongTypesNameTheFieldAndWhatIsExpected) {
  const std::tuple<const char*, const char*, const char*> kCases[] = {
      {R"({"content":1})", "content", "a string"},
      {R"({"parts":{}})", "parts", "a list"},
      {R"({"parts":[null]})", "parts[0]", "an object"},
      {R"({"parts":["x"]})", "parts[0]", "an object"},
      {R"({"metadata":[]})", "metadata", "an object"},
      {R"({"content_type":"Markdown"})", "content_type", "one of text, markdown, rich, system"},
      {R"({"content_type":77})", "content_type", "one of text, markdown, rich, system"},
      {R"({"parts":[{"reasoning":{"redacted":"true"}}]})", "parts[0].reasoning.redacted",
       "true or false"},
  };
  for (const auto& [json, field, expected] : kCases) {
    v1::SendMessageRequest request;
    const absl::Status status = ParseJson(json, {}, &request);
    EXPECT_EQ(ReasonOf(status), v1::ERROR_REASON_INVALID_ARGUMENT) << json;
    EXPECT_EQ(FieldOf(status), field) << json;
    EXPECT_THAT(DescriptionOf(status), HasSubstr(expected)) << json;
  }
}

TEST(ReaderTest, BytesAreBase64InEitherAlphabet) {
  EXPECT_EQ(FromJson<v1::UploadFileRequest>(R"({"chunk":"+/8="})").chunk(), "\xFB\xFF");
  EXPECT_EQ(FromJson<v1::UploadFileRequest>(R"({"chunk":"-_8"})").chunk(), "\xFB\xFF");
  v1::UploadFileRequest request;
  EXPECT_FALSE(ParseJson(R"({"chunk":"+/8"})", {}, &request).ok());
  EXPECT_FALSE(ParseJson(R"({"chunk":"+ 8="})", {}, &request).ok());
}

TEST(ReaderTest, MasksAreTakenInBothSpellings) {
  const auto request =
      FromJson<v1::UpdateActorRequest>(R"({"update_mask":"displayName,agent.webhook_url"})");
  EXPECT_THAT(request.update_mask().paths(), ElementsAre("display_name", "agent.webhook_url"));
  EXPECT_THAT(Written(request), HasSubstr(R"("update_mask":"display_name,agent.webhook_url")"));
  v1::UpdateActorRequest bad;
  EXPECT_FALSE(ParseJson(R"({"update_mask":"a,,b"})", {}, &bad).ok());
  EXPECT_FALSE(ParseJson(R"({"update_mask":"a b"})", {}, &bad).ok());
}

TEST(StructTest, MessagesBecomeStructsAndComeBack) {
  auto message = FromJson<v1::Message>(
      R"({"id":"m","seq":"9007199254740993","content_type":"markdown","metadata":{"a":[1,null]},
          "created_at":"2025-01-15T10:30:00.123Z"})");
  const auto as_struct = MessageToStruct(message);
  ASSERT_TRUE(as_struct.ok());
  EXPECT_EQ(as_struct->fields().at("content_type").string_value(), "markdown");
  v1::Message back;
  ASSERT_TRUE(StructToMessage(*as_struct, &back).ok());
  EXPECT_TRUE(SameMessage(message, back));
}

TEST(QueryTest, ScalarsListsAndDottedPaths) {
  v1::ListEventsRequest request;
  EXPECT_TRUE(SetQueryParameter(&request, "limit", {"20"}).ok());
  EXPECT_TRUE(SetQueryParameter(&request, "channel_ids", {"a", "b"}).ok());
  EXPECT_TRUE(SetQueryParameter(&request, "channelIds", {"c"}).ok());
  EXPECT_EQ(request.limit(), 20u);
  EXPECT_THAT(request.channel_ids(), ElementsAre("a", "b", "c"));
  v1::UpdateActorRequest update;
  EXPECT_TRUE(SetQueryParameter(&update, "actor.agent.model", {"m"}).ok());
  EXPECT_TRUE(SetQueryParameter(&update, "actor.type", {"agent"}).ok());
  EXPECT_TRUE(SetQueryParameter(&update, "update_mask", {"status"}).ok());
  EXPECT_TRUE(SetQueryParameter(&update, "actor.created_at", {"2025-01-15T10:30:00Z"}).ok());
  EXPECT_EQ(update.actor().agent().model(), "m");
  EXPECT_EQ(update.actor().type(), v1::ACTOR_TYPE_AGENT);
}

TEST(QueryTest, RepeatedScalarsUnknownNamesAndObjectsAreRefused) {
  v1::UpdateActorRequest request;
  const auto reason = [&](const char* path, std::vector<std::string> values) {
    return ReasonOf(SetQueryParameter(&request, path, values));
  };
  EXPECT_EQ(reason("actor_id", {"a", "b"}), v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(reason("actor_id", {"a"}), v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(reason("actor_id", {"a"}), v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(reason("actor", {"a"}), v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(reason("actor.metadata", {"{}"}), v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(reason("actor.metadata.a", {"1"}), v1::ERROR_REASON_UNKNOWN_FIELD);
  EXPECT_EQ(reason("actor.nam", {"1"}), v1::ERROR_REASON_UNKNOWN_FIELD);
  EXPECT_EQ(reason("", {"1"}), v1::ERROR_REASON_UNKNOWN_FIELD);
  EXPECT_EQ(reason("expected_revision", {""}), v1::ERROR_REASON_INVALID_ARGUMENT);
  EXPECT_EQ(reason("expected_revision", {"7"}), v1::ERROR_REASON_UNSPECIFIED);
}

}  // namespace
}  // namespace heim
