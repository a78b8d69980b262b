// Archives of Slack that are not as they should be: what is left is read, what is lost is told.
// What comes of good ones is tested through the API (tests/integration/test_chat_imports.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/transfer/chats/chat_fixture.h"

namespace heim {
namespace {

constexpr char kUsers[] = R"([{"id":"U1","team_id":"T1","name":"ada","profile":{}}])";
constexpr char kChannels[] = R"([{"id":"C1","name":"talk","members":["U1"]}])";

std::string Say(std::string_view ts, std::string_view more = "") {
  return StrCat(R"({"type":"message","user":"U1","text":"t)", ts, R"(","ts":")", ts, "\"", more,
                "}");
}

ArchiveContents ReadDay(const std::string& day) {
  return ReadSlack(
      {{"users.json", kUsers}, {"channels.json", kChannels}, {"talk/2024-02-01.json", day}});
}

std::vector<std::string> TextsOf(const ArchiveContents& contents) {
  std::vector<std::string> texts;
  for (const v1::Message& message : contents.Messages()) texts.push_back(message.content());
  return texts;
}

TEST(SlackReaderTest, MessagesComeInTheOrderOfTheirTimesAndOnce) {
  const auto read = ReadDay(StrCat("[", Say("1700000003.5"), ",", Say("1700000001.000000"), ",",
                                   Say("1700000003.500000"), "]"));
  ASSERT_TRUE(read.status.ok()) << read.status;
  EXPECT_THAT(TextsOf(read), testing::ElementsAre("t1700000001.000000", "t1700000003.5"));
  EXPECT_TRUE(read.HasProblem("twice"));
}

TEST(SlackReaderTest, TimesThatCannotBeAreLeftOut) {
  std::string day = "[";
  for (const char* ts : {"", "x", "-5", "1e9", "99999999999", "0", "1700000000.x", "5000000000"}) {
    StrAppend(&day, Say(ts), ",");
  }
  const auto read = ReadDay(StrCat(day, Say("1700000000"), "]"));
  ASSERT_TRUE(read.status.ok()) << read.status;
  EXPECT_THAT(TextsOf(read), testing::ElementsAre("t1700000000"));
  EXPECT_TRUE(read.HasProblem("without a time"));
  ChatArchiveOptions options;
  options.latest = absl::FromUnixSeconds(1600000000);
  const auto future = ReadSlack({{"users.json", kUsers},
                                 {"channels.json", kChannels},
                                 {"talk/2024-02-01.json", StrCat("[", Say("1700000000"), "]")}},
                                options);
  EXPECT_THAT(TextsOf(future), testing::IsEmpty());
  EXPECT_TRUE(future.HasProblem("from the future"));
}

TEST(SlackReaderTest, ThreadsInACircleAndWithoutRootsStillHaveOne) {
  const auto read = ReadDay(StrCat("[", Say("1700000001", R"(,"thread_ts":"1700000002")"), ",",
                                   Say("1700000002", R"(,"thread_ts":"1700000001")"), ",",
                                   Say("1700000003", R"(,"thread_ts":"1700000002")"), ",",
                                   Say("1700000004", R"(,"thread_ts":"1700000002")"), "]"));
  ASSERT_TRUE(read.status.ok()) << read.status;
  std::set<std::string> top;
  for (const v1::Message& message : read.Messages()) {
    if (!message.has_thread_id()) top.insert(message.id());
    EXPECT_TRUE(!message.has_thread_id() || top.contains(message.thread_id())) << message.id();
  }
  EXPECT_EQ(read.Messages().size(), 4);
  EXPECT_TRUE(read.HasProblem("thread is not in the archive"));
}

TEST(SlackReaderTest, WhatIsBrokenInADayIsToldWithItsPlaceAndTheRestIsRead) {
  const auto read = ReadDay(
      StrCat("[", Say("1700000001"), ",{\"ts\":nonsense},7,", Say("1700000002"), ",{\"cut"));
  ASSERT_TRUE(read.status.ok()) << read.status;
  EXPECT_THAT(TextsOf(read), testing::ElementsAre("t1700000001", "t1700000002"));
  std::set<std::string> places;
  for (const SourceProblem& problem : read.problems) places.insert(problem.place);
  EXPECT_TRUE(places.contains("talk/2024-02-01.json:2"));
  EXPECT_TRUE(places.contains("talk/2024-02-01.json:5"));
}

TEST(SlackReaderTest, WhatIsNoArchiveOfSlackIsRefusedWithTheReason) {
  for (const std::vector<ZipPart>& files : std::vector<std::vector<ZipPart>>{
           {{"other.txt", "x"}},
           {{"users.json", kUsers}},
           {{"users.json", "{}"}, {"channels.json", kChannels}},
           {{"users.json", kUsers}, {"channels.json", "no json"}},
           {{"users.json", "[{\"id\":\"U1\"}"}, {"channels.json", kChannels}}}) {
    const auto read = ReadSlack(files);
    EXPECT_EQ(ReasonOf(read.status), v1::ERROR_REASON_INVALID_ARCHIVE) << files[0].name;
  }
  MemoryArchive none("this is no ZIP");
  EXPECT_EQ(ReasonOf(OpenSlackArchive(none, {}).status()), v1::ERROR_REASON_INVALID_ARCHIVE);
}

TEST(SlackReaderTest, UsersAndChannelsThatAreThereTwiceOrStrangeAreLeftOut) {
  const auto read = ReadSlack(
      {{"users.json", R"([{"id":"U1","name":"ada"},{"id":"U1","name":"eve"},{"id":"../x"},5,{},
                          {"id":"U2","name":"Ada"},{"id":"U3","name":"here"},{"id":"U4","name":""}])"},
       {"channels.json", R"([{"id":"C1","name":"x"},{"id":"C1","name":"y"},{"id":"C2","name":"X"},
                             {"id":"C3","name":"\u00fc\u00fc"},{"name":"z"}])"}});
  ASSERT_TRUE(read.status.ok()) << read.status;
  std::set<std::string> usernames;
  std::set<std::string> channels;
  for (const v1::ExportRecord& record : read.records) {
    if (record.has_actor()) usernames.insert(record.actor().actor().username());
    if (record.has_channel()) channels.insert(record.channel().channel().name());
  }
  EXPECT_THAT(usernames, testing::ElementsAre("ada", "ada-2", "here-user", "user-u4"));
  EXPECT_THAT(channels, testing::ElementsAre("channel-c3", "x", "x-2"));
}

TEST(SlackReaderTest, TheSameArchiveGivesTheSameRecordsAgain) {
  std::string day = "[";
  for (int i = 0; i < 50; ++i) {
    StrAppend(&day, i == 0 ? "" : ",",
              Say(StrCat(1700000000 + i % 40),
                  StrCat(R"(,"user":"U)", i % 7, R"(","reactions":[{"name":"+1","users":["W)", i,
                         R"("]}])")));
  }
  const auto first = ReadDay(day + "]");
  const auto second = ReadDay(day + "]");
  ASSERT_EQ(first.records.size(), second.records.size());
  for (size_t i = 0; i < first.records.size(); ++i) {
    EXPECT_EQ(first.records[i].DebugString(), second.records[i].DebugString());
  }
}

}  // namespace
}  // namespace heim
