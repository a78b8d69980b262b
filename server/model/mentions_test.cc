// Goal: exactly what a reader takes for a mention is one. Method: tables of texts; what is found is
// written as "name@start".
#include "server/model/mentions.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/base/clock.h"
#include "server/model/limits.h"

namespace heim {
namespace {

std::string Found(const std::string& text, v1::ContentType type = v1::CONTENT_TYPE_MARKDOWN) {
  std::string found;
  for (const MentionToken& token : FindMentions(text, type)) {
    if (!found.empty()) found += ' ';
    const std::string name = token.type == v1::MENTION_TYPE_ACTOR     ? token.username
                             : token.type == v1::MENTION_TYPE_CHANNEL ? "<channel>"
                             : token.type == v1::MENTION_TYPE_HERE    ? "<here>"
                                                                      : "<everyone>";
    absl::StrAppend(&found, name, "@", token.start);
  }
  return found;
}

TEST(MentionsTest, NamesAreFoundInRunningText) {
  const struct {
    const char* text;
    const char* found;
  } rows[] = {
      {"@bob", "bob@0"},
      {"hi @bob, and @a.b-c_d!", "bob@3 a.b-c_d@13"},
      {"Ask @Bob.", "bob@4"},
      {"(@bob) \"@eve\" *@mia*", "bob@1 eve@8 mia@15"},
      {"@bob's", "bob@0"},
      {"@channel @here @everyone", "<channel>@0 <here>@9 <everyone>@15"},
      {"@Channel", "<channel>@0"},
      {"@all", "all@0"},
      {"你好@bob", "bob@2"},
      {"é @bob", "bob@2"},
      {"👍🏽 @bob", "bob@3"},
      {"@bob@eve", ""},
      {"line\n@bob", "bob@5"},
      {"@bob-", "bob@0"},
      {"@bob...", "bob@0"},
      {"_@bob_ __@eve__", "bob@1 eve@9"},
      {"@bob_", "bob_@0"},
      {"\\\\@bob", "bob@2"},
      {"[see](https://x.org/a) @bob", "bob@23"},
      {"(https://x.org) @bob [@eve](x)", "bob@16 eve@22"},
  };
  for (const auto& row : rows) EXPECT_EQ(Found(row.text), row.found) << row.text;
}

TEST(MentionsTest, WordsAddressesAndScrapsAreNone) {
  for (const char* text : {"",
                           "@",
                           "@ bob",
                           "bob@example.com",
                           "x@bob",
                           "é@bob",
                           "1@bob",
                           "_@bob",
                           "a.@bob",
                           "@b",
                           "@.bob",
                           "https://host/@bob",
                           "git@host:repo",
                           "\\@bob",
                           "@@bob",
                           "@bob@example.com",
                           "https://x.org/?u=@bob",
                           "[x](mailto:@bob)",
                           "\\\\\\@bob",
                           "a_@bob_",
                           "@a23456789012345678901234567890123"}) {
    EXPECT_EQ(Found(text), "") << text;
  }
}

TEST(MentionsTest, CodeMentionsNobody) {
  const struct {
    const char* text;
    const char* found;
  } rows[] = {
      {"`@bob` @eve", "eve@7"},
      {"``a ` @bob`` @eve", "eve@13"},
      {"`open @bob", "bob@6"},
      {"a ` b @bob", "bob@6"},
      {"\\`@bob\\` @eve", "bob@2 eve@9"},
      {"```\n@bob\n```\n@eve", "eve@13"},
      {"```cpp\n@bob\n```  \n@eve", "eve@18"},
      {"~~~\n@bob\n```\n@mia\n~~~\n@eve", "eve@22"},
      {"````\n@bob\n```\n@mia\n````\n@eve", "eve@24"},
      {"```\n@bob", ""},
      {"  ```\n@bob\n  ```\n@eve", "eve@17"},
      {"text\n\n    @bob\n\n@eve", "eve@16"},
      {"text\n    @bob", "bob@9"},
      {"`a\n\n@bob`", "bob@4"},
      {"`a\n@bob` @eve", "eve@9"},
      {"``` not a fence ``` @bob", "bob@20"},
  };
  for (const auto& row : rows) EXPECT_EQ(Found(row.text), row.found) << row.text;
}

TEST(MentionsTest, PlainTextHasNoCodeAndSystemTextNoMentions) {
  EXPECT_EQ(Found("`@bob`", v1::CONTENT_TYPE_TEXT), "bob@1");
  EXPECT_EQ(Found("@bob", v1::CONTENT_TYPE_SYSTEM), "");
}

TEST(MentionsTest, LengthsCountTheAt) {
  const auto found = FindMentions("hi @bob.", v1::CONTENT_TYPE_TEXT);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].length, 4u);
}

TEST(MentionsTest, ThereAreNoMoreThanTheLimit) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += "@bob ";
  EXPECT_EQ(FindMentions(text, v1::CONTENT_TYPE_MARKDOWN).size(), kMentionsMax);
}

// Runs of backticks of ever other lengths: no run closes another.
TEST(MentionsTest, HostileTextTakesNoMoreThanItsLength) {
  std::string text;
  for (size_t run = 1; text.size() + run < kMessageContentMaxBytes / 2; ++run) {
    text += std::string(run, '`') + "a";
  }
  while (text.size() + 4 < kMessageContentMaxBytes) text += "`` b";
  SystemClock clock;
  const absl::Duration begin = clock.Monotonic();
  FindMentions(text + "@", v1::CONTENT_TYPE_MARKDOWN);
  EXPECT_LT(clock.Monotonic() - begin, absl::Seconds(2));
}

}  // namespace
}  // namespace heim
