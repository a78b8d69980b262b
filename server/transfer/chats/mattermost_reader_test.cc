// Archives of Mattermost that are not as they should be: what is left is read, what is lost is
// told. What comes of good ones is tested through the API (tests/integration/test_chat_imports.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/transfer/chats/chat_fixture.h"

namespace heim {
namespace {

constexpr char kBeginning[] =
    "{\"type\":\"version\",\"version\":1}\n"
    "{\"type\":\"team\",\"team\":{\"name\":\"heim\"}}\n"
    "{\"type\":\"channel\",\"channel\":{\"team\":\"heim\",\"name\":\"talk\",\"type\":\"O\"}}\n"
    "{\"type\":\"user\",\"user\":{\"username\":\"ada\",\"teams\":[{\"name\":\"heim\","
    "\"channels\":[{\"name\":\"talk\"},{\"name\":\"none\"}]}]}}\n";

std::string Post(int64_t at, std::string_view text, std::string_view more = "") {
  return StrCat(R"({"type":"post","post":{"team":"heim","channel":"talk","user":"ada","message":")",
                text, R"(","create_at":)", at, more, "}}\n");
}

std::vector<std::string> TextsOf(const ArchiveContents& contents) {
  std::vector<std::string> texts;
  for (const v1::Message& message : contents.Messages()) texts.push_back(message.content());
  return texts;
}

TEST(MattermostReaderTest, PostsAndRepliesComeInTheOrderOfTheirTimes) {
  const auto good = ReadMattermost(
      StrCat(kBeginning, Post(1700000005000, "third"),
             Post(1700000001000, "first",
                  R"(,"replies":[{"user":"ada","message":"fourth","create_at":1700000009000},)"
                  R"({"user":"ada","message":"before its root","create_at":1600000000000}])"),
             Post(1700000005000, "third")));
  ASSERT_TRUE(good.status.ok()) << good.status;
  EXPECT_THAT(TextsOf(good), testing::ElementsAre("first", "before its root", "third", "fourth"));
  EXPECT_EQ(good.Messages()[3].thread_id(), good.Messages()[0].id());
  EXPECT_TRUE(good.HasProblem("twice"));
}

TEST(MattermostReaderTest, WhatIsNoExportIsRefusedWithTheReason) {
  for (const char* lines :
       {"", "nonsense", "{}", "{\"type\":\"post\"}\n", "{\"type\":\"version\",\"version\":2}\n",
        "{\"type\":\"version\",\"version\":1}\n", "PK\x03\x04",
        "{\"type\":\"version\",\"version\":1}\n{\"type\":\"team\",\"team\":{}}\n"}) {
    EXPECT_EQ(ReasonOf(ReadMattermost(lines).status), v1::ERROR_REASON_INVALID_ARCHIVE) << lines;
  }
}

TEST(MattermostReaderTest, OfSeveralTeamsOneMustBeNamed) {
  const std::string lines = StrCat(
      "{\"type\":\"version\",\"version\":1}\n{\"type\":\"team\",\"team\":{\"name\":\"other\"}}\n",
      std::string(kBeginning).substr(std::string(kBeginning).find('\n') + 1),
      Post(1700000001000, "hi"));
  const auto unnamed = ReadMattermost(lines);
  EXPECT_EQ(ReasonOf(unnamed.status), v1::ERROR_REASON_INVALID_ARCHIVE);
  EXPECT_THAT(std::string(unnamed.status.message()), testing::HasSubstr("other, heim"));
  ChatArchiveOptions options;
  options.team = "heim";
  EXPECT_THAT(TextsOf(ReadMattermost(lines, options)), testing::ElementsAre("hi"));
  options.team = "none";
  EXPECT_EQ(ReasonOf(ReadMattermost(lines, options).status), v1::ERROR_REASON_INVALID_ARCHIVE);
}

TEST(MattermostReaderTest, LinesThatAreWrongAreToldWithTheirPlaceAndTheRestIsRead) {
  const auto read = ReadMattermost(StrCat(
      kBeginning, "{broken\n", "[1]\n", Post(0, "no time"), Post(1700000002000, ""),
      R"({"type":"post","post":{"team":"heim","channel":"gone","user":"ada","message":"x",)"
      R"("create_at":1700000001000}})",
      "\n",
      R"({"type":"direct_post","direct_post":{"channel_members":[],"user":"ada","message":"x",)"
      R"("create_at":1700000001000}})",
      "\n", R"({"type":"user","user":{"username":"ada"}})", "\n", Post(1700000003000, "good"),
      R"({"type":"post","post":7})", "\n"));
  ASSERT_TRUE(read.status.ok()) << read.status;
  EXPECT_THAT(TextsOf(read), testing::ElementsAre("good"));
  for (const char* text :
       {"cannot be read", "without a time", "without text", "channel that is not in the archive",
        "nobody's conversation", "there twice"}) {
    EXPECT_TRUE(read.HasProblem(text)) << text;
  }
  EXPECT_EQ(read.problems[1].place, "line:5");
}

TEST(MattermostReaderTest, NamesThatChangeHereChangeInTexts) {
  std::string lines(kBeginning);
  lines += R"({"type":"user","user":{"username":"system","teams":[{"name":"heim"}]}})";
  lines += "\n" + Post(1700000001000, "\u00fc @system, @all and `@system` @ada");
  const auto read = ReadMattermost(lines);
  ASSERT_TRUE(read.status.ok()) << read.status;
  EXPECT_THAT(TextsOf(read),
              testing::ElementsAre("\u00fc @system-user, @channel and `@system` @ada"));
  EXPECT_EQ(read.Messages()[0].mentions_size(), 3);
}

}  // namespace
}  // namespace heim
