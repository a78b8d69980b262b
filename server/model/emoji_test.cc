// Goal: one form for each emoji, and nothing but emoji. Method: tables, in escapes where the form
// matters.
#include "server/model/emoji.h"

#include "gtest/gtest.h"
#include "server/model/errors.h"

namespace heim {
namespace {

TEST(EmojiTest, EachEmojiHasOneForm) {
  const struct {
    const char* given;
    const char* kept;
  } rows[] = {
      {"+1", "+1"},
      {"-1", "-1"},
      {":tada:", "tada"},
      {"tada", "tada"},
      {":+1:", "+1"},
      {"100", "100"},
      {"white_check_mark", "white_check_mark"},
      {":party_popper:", "party_popper"},
      {"acme", ":acme:"},
      {":acme:", ":acme:"},
      {"acme+1", ":acme+1:"},
      {"\U0001F44D", "\U0001F44D"},
      {"\U0001F44D\uFE0F", "\U0001F44D"},
      {"\U0001F44D\U0001F3FD", "\U0001F44D\U0001F3FD"},
      {"\u2764", "\u2764\uFE0F"},
      {"\u2764\uFE0F", "\u2764\uFE0F"},
      {"\u2764\uFE0F\uFE0F", "\u2764\uFE0F"},
      {"\u2764\uFE0E", "\u2764\uFE0F"},
      {"\u270C\U0001F3FB", "\u270C\U0001F3FB"},
      {"\u270C\uFE0F\U0001F3FB", "\u270C\U0001F3FB"},
      {"1\u20E3", "1\uFE0F\u20E3"},
      {"#\uFE0F\u20E3", "#\uFE0F\u20E3"},
      {"\U0001F1E9\U0001F1EA", "\U0001F1E9\U0001F1EA"},
      {"\U0001F468\u200D\U0001F469\u200D\U0001F467", "\U0001F468\u200D\U0001F469\u200D\U0001F467"},
      {"\u2764\u200D\U0001F525", "\u2764\uFE0F\u200D\U0001F525"},
      {"\U0001F441\u200D\U0001F5E8", "\U0001F441\uFE0F\u200D\U0001F5E8\uFE0F"},
      {"\U0001F3F3\u200D\U0001F308", "\U0001F3F3\uFE0F\u200D\U0001F308"},
      {"\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F",
       "\U0001F3F4\U000E0067\U000E0062\U000E0065\U000E006E\U000E0067\U000E007F"},
      {"\U0001FAE8", "\U0001FAE8"},
      {"\u00A9", "\u00A9\uFE0F"},
  };
  for (const auto& row : rows) {
    const auto kept = NormalizeEmoji(row.given);
    ASSERT_TRUE(kept.ok()) << row.given;
    EXPECT_EQ(*kept, row.kept);
    EXPECT_EQ(*NormalizeEmoji(*kept), *kept) << "not stable";
  }
}

TEST(EmojiTest, CustomNamesAreNoStandardOnes) {
  EXPECT_EQ(*CustomEmojiName("acme"), "acme");
  EXPECT_EQ(*CustomEmojiName(":acme_2:"), "acme_2");
  EXPECT_EQ(*CustomEmojiName(std::string(32, 'a')), std::string(32, 'a'));
  for (const std::string& bad :
       {std::string(), std::string("::"), std::string("Acme"), std::string("a b"),
        std::string("tada"), std::string(":+1:"), std::string("100"), std::string(33, 'a'),
        std::string("\u00E4cme"), std::string("a:b")}) {
    EXPECT_EQ(ReasonOf(CustomEmojiName(bad).status()), v1::ERROR_REASON_INVALID_EMOJI) << bad;
  }
  EXPECT_EQ(CustomNameOf(":acme:"), "acme");
  EXPECT_EQ(CustomNameOf("tada"), "");
  EXPECT_EQ(CustomNameOf("::"), "");
}

TEST(EmojiTest, EverythingElseIsRefused) {
  for (const std::string& bad : {std::string(),
                                 std::string(":"),
                                 std::string("::"),
                                 std::string(":tada"),
                                 std::string("Tada"),
                                 std::string("ta da"),
                                 std::string("a/b"),
                                 std::string("<b>"),
                                 std::string(":\U0001F44D:"),
                                 std::string(33, 'a'),
                                 std::string("\U0001F44D\U0001F44D"),
                                 std::string("\U0001F44D "),
                                 std::string("\U0001F1E9"),
                                 std::string("\u200D"),
                                 std::string("\U0001F468\u200D"),
                                 std::string("\u200D\U0001F468"),
                                 std::string("\uFE0F"),
                                 std::string("\u00E9"),
                                 std::string("\u4F60"),
                                 std::string("1\uFE0F"),
                                 std::string("\xF0\x9F"),
                                 std::string("\xFF"),
                                 std::string("\0", 1),
                                 std::string("\U0001F3F4\U000E0067"),
                                 std::string("\U0001F3FD\U0001F3FD\U0001F3FD")}) {
    const auto kept = NormalizeEmoji(bad);
    EXPECT_EQ(ReasonOf(kept.status()), v1::ERROR_REASON_INVALID_EMOJI) << bad;
  }
  std::string family = "\U0001F468";
  while (family.size() <= 64) family += "\u200D\U0001F468";
  EXPECT_FALSE(NormalizeEmoji(family).ok());
}

}  // namespace
}  // namespace heim
