// Goal: the reader takes RFC 8259 and nothing else. Method: a table of what is malformed, and texts
// mutated from a corpus, each judged by an independent strict parser as well.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "gateway/json/codec.h"
#include "gateway/json/envelope.h"
#include "gateway/json/testing.h"
#include "google/protobuf/struct.pb.h"
#include "heim/v1/message_service.pb.h"
#include "server/base/strings.h"

namespace heim {
namespace {

using testing::HasSubstr;

std::string Nested(int levels, const char* open, const char* close) {
  std::string out = "{\"a\":";
  for (int i = 1; i < levels; ++i) out += open;
  out += "1";
  for (int i = 1; i < levels; ++i) out += close;
  return out + "}";
}

TEST(MalformedJsonTest, IsRefusedWhateverTheTarget) {
  const std::string kCases[] = {"",
                                " ",
                                "null",
                                "1",
                                "\"x\"",
                                "[]",
                                "[{}]",
                                "true",
                                "{",
                                "}",
                                "{}{}",
                                "{} x",
                                "{},",
                                "{}}",
                                "{]",
                                "x{}",
                                "\xEF\xBB\xBF{}",
                                "{\"a\"}",
                                "{\"a\":}",
                                "{\"a\":1,}",
                                "{,}",
                                "{,\"a\":1}",
                                "{\"a\":1 \"b\":2}",
                                "{\"a\":1,,\"b\":2}",
                                "{\"a\" 1}",
                                "{\"a\"::1}",
                                "{\"a\":\"b\":1}",
                                "{\"a\":1:2}",
                                "{a:1}",
                                "{'a':1}",
                                "{\"a\":'x'}",
                                "{1:2}",
                                "{null:1}",
                                "{\"a\":[1,]}",
                                "{\"a\":[,1]}",
                                "{\"a\":[1 2]}",
                                "{\"a\":[1}",
                                "{\"a\":{\"b\":1}",
                                "{\"a\":[1]]}",
                                "{\"a\":[1,{]}",
                                "{\"a\":nul}",
                                "{\"a\":nulll}",
                                "{\"a\":True}",
                                "{\"a\":tru}",
                                "{\"a\":NaN}",
                                "{\"a\":Infinity}",
                                "{\"a\":-Infinity}",
                                "{\"a\":-}",
                                "{\"a\":+1}",
                                "{\"a\":01}",
                                "{\"a\":-01}",
                                "{\"a\":.5}",
                                "{\"a\":1.}",
                                "{\"a\":1e}",
                                "{\"a\":1e+}",
                                "{\"a\":0x10}",
                                "{\"a\":1_000}",
                                "{\"a\":1f}",
                                "{\"a\":1 2}",
                                "{\"a\":\"x}",
                                "{\"a\":\"\\\"}",
                                "{\"a\":\"\\x41\"}",
                                "{\"a\":\"\\u12\"}",
                                "{\"a\":\"\\u12G4\"}",
                                "{\"a\":\"\\ud800\"}",
                                "{\"a\":\"\\udc00\"}",
                                "{\"a\":\"\\ud800\\ud800\"}",
                                "{\"a\":\"\\ud800x\"}",
                                "{\"\\ud800\":1}",
                                "{\"\\q\":1}",
                                "{\"a\":\"\n\"}",
                                "{\"a\":\"\t\"}",
                                std::string("{\"a\":\"\0\"}", 9),
                                "{\"a\":\"\xFF\"}",
                                "{\"a\":\"\xC0\x80\"}",
                                "{\"a\":\"\xED\xA0\x80\"}",
                                "{\"a\":\"\xF4\x90\x80\x80\"}",
                                "{\"a\":1/*c*/}",
                                "//c\n{}",
                                "{\"a\":1}\xFF",
                                std::string("{\"a\":1}\0", 8),
                                "{\"a\":1\f}",
                                "{\"a\":\"x\"\"y\"}",
                                "{\"a\":\"x\" \"y\"}",
                                "{\"a\":1,\"a\":2}",
                                "{\"a\":1,\"\\u0061\":2}",
                                "{\"a\":{\"b\":1,\"b\":1}}",
                                "{\"a\":[{\"b\":1,\"b\":1}]}",
                                Nested(65, "[", "]"),
                                Nested(65, "{\"a\":", "}"),
                                Nested(5000, "[", "]"),
                                Nested(100000, "{\"a\":", "}"),
                                std::string(100000, '['),
                                std::string(100000, '{')};
  for (const std::string& text : kCases) {
    google::protobuf::Struct as_struct;
    EXPECT_EQ(ReasonOf(ParseJson(text, {}, &as_struct)), v1::ERROR_REASON_INVALID_JSON)
        << text.substr(0, 80);
    v1::SendMessageRequest lenient;
    EXPECT_EQ(ReasonOf(ParseJson(text, {Dialect::kHeim, true}, &lenient)),
              v1::ERROR_REASON_INVALID_JSON)
        << text.substr(0, 80);
    EXPECT_FALSE(ParseCommand(text).status.ok()) << text.substr(0, 80);
  }
}

TEST(MalformedJsonTest, OfATypedFieldIsNotTakenForAWrongType) {
  for (const char* text :
       {R"({"content":})", R"({"content":nope})", R"({"parts":})", R"({"parts":[})",
        R"({"parts":[,]})", R"({"metadata":]})", R"({"content":"a","content":"b"})",
        R"({"content_type":"text","contentType":"text"})",
        R"({"parts":[{"text":{"text":"\u00"}}]})", R"({"content":"\ud83d"})"}) {
    v1::SendMessageRequest request;
    EXPECT_EQ(ReasonOf(ParseJson(text, {}, &request)), v1::ERROR_REASON_INVALID_JSON) << text;
  }
}

TEST(MalformedJsonTest, IsLocatedByItsByte) {
  const std::pair<std::string, int> kCases[] = {
      {"{a:1}", 1},
      {"{\"content\":\"x\",}", 15},
      {"{\"content\":nope}", 11},
      {"{\"content\":\"\xFF\"}", 12},
      {"{\"content\":\"a\nb\"}", 13},
      {"{\"parts\":[{\"text\":{\"text\":\"a\" \"b\"}}]}", 30},
  };
  for (const auto& [text, byte] : kCases) {
    v1::SendMessageRequest request;
    EXPECT_THAT(std::string(ParseJson(text, {}, &request).message()),
                HasSubstr(StrCat("byte ", byte)))
        << text;
  }
}

TEST(MalformedJsonTest, DuplicateKeysAreNamed) {
  google::protobuf::Struct out;
  EXPECT_THAT(std::string(ParseJson(R"({"a":{"b":[1,{"c":1,"c":2}]}})", {}, &out).message()),
              HasSubstr("a.b[1].c"));
}

TEST(DeepJsonTest, SixtyFourLevelsAreRead) {
  google::protobuf::Struct out;
  EXPECT_TRUE(ParseJson(Nested(64, "[", "]"), {}, &out).ok());
  EXPECT_TRUE(ParseJson(Nested(64, "{\"a\":", "}"), {}, &out).ok());
  v1::SendMessageRequest request;
  const auto in_metadata = [&](int levels) {
    return ParseJson(StrCat("{\"metadata\":", Nested(levels, "[", "]"), "}"), {}, &request);
  };
  EXPECT_TRUE(in_metadata(63).ok());
  EXPECT_EQ(ReasonOf(in_metadata(64)), v1::ERROR_REASON_INVALID_JSON);
}

TEST(LongJsonTest, AMegabyteIsRead) {
  v1::SendMessageRequest request;
  const std::string content(size_t{1} << 20, 'x');
  ASSERT_TRUE(ParseJson(StrCat(R"({"content":")", content, R"("})"), {}, &request).ok());
  EXPECT_EQ(request.content(), content);
}

// Whether the independent parser takes the text, with the rules that are ours on top: one object,
// no duplicate keys, at most 64 levels.
bool Judge(const std::string& text) {
  bool duplicate = false;
  int deepest = 0;
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    deepest = std::max(deepest, depth);
    if (event == nlohmann::json::parse_event_t::object_start) keys.emplace_back();
    if (event == nlohmann::json::parse_event_t::object_end) keys.pop_back();
    if (event == nlohmann::json::parse_event_t::key) {
      duplicate |= !keys.back().insert(parsed.get<std::string>()).second;
    }
    return true;
  };
  const auto parsed = nlohmann::json::parse(text, watch, /*allow_exceptions=*/false);
  return parsed.is_object() && !duplicate && text.substr(0, 3) != "\xEF\xBB\xBF";
}

// The fuzzing target: no input may crash, and what is taken is JSON and is written as JSON.
void FuzzParseJson(const std::string& text, int* taken) {
  google::protobuf::Struct out;
  const absl::Status status = ParseJson(text, {}, &out);
  const bool number_refused = ReasonOf(status) == v1::ERROR_REASON_INVALID_ARGUMENT;
  if (!number_refused) {
    ASSERT_EQ(status.ok(), Judge(text)) << status << "\n" << text;
  }
  if (status.ok()) {
    ++*taken;
    google::protobuf::Struct again;
    ASSERT_TRUE(ParseJson(ToJson(out), {}, &again).ok()) << ToJson(out);
    ASSERT_EQ(ToJson(out), ToJson(again));
  }
  v1::SendMessageRequest request;
  if (ParseJson(text, {}, &request).ok()) {
    ASSERT_TRUE(status.ok() || number_refused) << text;
  }
  const ParsedCommand command = ParseCommand(text);
  if (command.status.ok()) {
    ASSERT_TRUE(status.ok() || number_refused) << text;
  }
}

TEST(FuzzJsonTest, MutatedTextsAreJudgedLikeByAnIndependentParser) {
  const std::string kCorpus[] = {
      R"({"channel_id":"c","content":"h\u00e9llo \ud83d\ude00 \n","parts":[{"text":{"text":"x"}}],)"
      R"("metadata":{"a":[1,2.5e-3,-0,null,true,false,{"b":{}}],"":""},"thread_id":null})",
      R"( { "type" : "message.send" , "id" : "r" , "data" : { "content" : "日本 🎉" } } )",
      R"({"type":"ping","id":"1"})",
      R"({"a":{"b":{"c":[[[[]]]]}},"d":"\\\"\/\b\f\n\r\t","e":12345678901234567890})",
      R"({"parts":[{"tool_call":{"name":"n","input":{"x":[{}]},"state":"running"}},{}]})",
  };
  static const char* const kPieces[] = {
      "{", "}", "[", "]", ",",  ":",   "\"",      "\\",   "\"a\"", "null", "true", "1",        "-",
      ".", "e", "0", " ", "\n", "\\u", "\\ud800", "\xC3", "\xA9",  "\x01", "x",    "\"a\":1,", "/"};
  int taken = 0;
  TestNumbers numbers(20250115);
  for (int round = 0; round < 40000; ++round) {
    std::string text = kCorpus[numbers.Below(std::size(kCorpus))];
    for (uint64_t n = 1 + numbers.Below(3); n > 0; --n) {
      const size_t at = numbers.Below(text.size() + 1);
      switch (numbers.Below(4)) {
        case 0:
          text.insert(at, kPieces[numbers.Below(std::size(kPieces))]);
          break;
        case 1:
          text.erase(at, 1 + numbers.Below(4));
          break;
        case 2:
          text.replace(at, 1, kPieces[numbers.Below(std::size(kPieces))]);
          break;
        default:
          text.insert(at, text.substr(numbers.Below(text.size()), numbers.Below(20)));
      }
      if (text.empty()) break;
    }
    FuzzParseJson(text, &taken);
    if (HasFatalFailure()) return;
  }
  // Both sides of the border are walked.
  EXPECT_GT(taken, 4000);
  EXPECT_LT(taken, 36000);
}

}  // namespace
}  // namespace heim
