// The text rules as tables.
#include "server/base/text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/base/strings.h"

namespace heim {
namespace {

TEST(IsValidUtf8Test, Table) {
  const struct {
    std::string_view text;
    bool valid;
  } kCases[] = {
      {"", true},
      {"plain", true},
      {std::string_view("\0", 1), true},
      {"\x7f", true},
      {"\xc2\x80", true},
      {"\xdf\xbf", true},
      {"\xe0\xa0\x80", true},
      {"\xed\x9f\xbf", true},      // U+D7FF
      {"\xee\x80\x80", true},      // U+E000
      {"\xef\xbf\xbf", true},      // U+FFFF
      {"\xf0\x90\x80\x80", true},  // U+10000
      {"\xf4\x8f\xbf\xbf", true},  // U+10FFFF
      {"\x80", false},
      {"\xbf", false},
      {"\xc0\x80", false},          // overlong NUL
      {"\xc1\xbf", false},          // overlong
      {"\xc2", false},              // cut
      {"\xc2\x41", false},          // no continuation
      {"\xe0\x9f\xbf", false},      // overlong
      {"\xe2\x82", false},          // cut
      {"\xe2\x82\x41", false},      //
      {"\xed\xa0\x80", false},      // U+D800
      {"\xed\xbf\xbf", false},      // U+DFFF
      {"\xf0\x8f\xbf\xbf", false},  // overlong
      {"\xf4\x90\x80\x80", false},  // U+110000
      {"\xf5\x80\x80\x80", false},
      {"\xff", false},
      {"\xfe", false},
      {"\xf0\x90\x80", false},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(IsValidUtf8(test.text), test.valid) << testing::PrintToString(test.text);
    // At each offset, so that the fast path of eight bytes meets it in every place.
    for (size_t lead = 1; lead < 20; ++lead) {
      const std::string around = StrCat(std::string(lead, 'a'), test.text, "tail");
      EXPECT_EQ(IsValidUtf8(around), test.valid) << testing::PrintToString(around);
    }
  }
}

TEST(Utf8LengthTest, CountsCodePoints) {
  EXPECT_EQ(Utf8Length(""), 0u);
  EXPECT_EQ(Utf8Length("abc"), 3u);
  EXPECT_EQ(Utf8Length("Grüße"), 5u);
  EXPECT_EQ(Utf8Length("日本"), 2u);
  EXPECT_EQ(Utf8Length("😀"), 1u);
}

TEST(Utf8PrefixTest, NeverCutsACodePoint) {
  EXPECT_EQ(Utf8Prefix("abc", 5), "abc");
  EXPECT_EQ(Utf8Prefix("abc", 2), "ab");
  EXPECT_EQ(Utf8Prefix("aü", 2), "a");
  EXPECT_EQ(Utf8Prefix("aü", 3), "aü");
  EXPECT_EQ(Utf8Prefix("😀", 3), "");
}

TEST(NormalizeNewlinesTest, OnlyPairsChange) {
  EXPECT_EQ(NormalizeNewlines("a\r\nb\r\n"), "a\nb\n");
  EXPECT_EQ(NormalizeNewlines("a\rb\r"), "a\rb\r");
  EXPECT_EQ(NormalizeNewlines("\r\r\n"), "\r\n");
  EXPECT_EQ(NormalizeNewlines("\n"), "\n");
}

TEST(StripUnsafeControlsTest, Table) {
  const struct {
    std::string_view text;
    std::string_view kept;
  } kCases[] = {
      {"Ada Lovelace", "Ada Lovelace"},
      {"Zoë 日本 😀", "Zoë 日本 😀"},
      {"a\r\nb\tc", "abc"},
      {"a\x1b[31mred", "a[31mred"},
      {"a\xc2\x9b"
       "b",
       "ab"},  // C1 control sequence introducer
      {"a\xe2\x80\xae"
       "b",
       "ab"},  // right-to-left override
      {"a\xe2\x81\xa6"
       "b\xe2\x81\xa9",
       "ab"},                          // isolates
      {"ad\xe2\x80\x8bmin", "admin"},  // zero width space
      {"\xef\xbb\xbf"
       "admin",
       "admin"},  // byte order mark
      {"a\xc2\xad"
       "b",
       "ab"},  // soft hyphen
      {"a\xe2\x80\xa8"
       "b",
       "ab"},  // line separator
      {"a\xf3\xa0\x81\xa1"
       "b",
       "ab"},              // tag
      {"a\xff\xc2", "a"},  // not UTF-8
      {"\x7f", ""},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(StripUnsafeControls(test.text), test.kept) << testing::PrintToString(test.text);
  }
}

TEST(HasControlTest, Table) {
  for (const std::string_view text :
       {std::string_view("\n"), std::string_view("a\tb"), std::string_view("\0", 1),
        std::string_view("x\x7f"), std::string_view("x\xc2\x85")}) {
    EXPECT_TRUE(HasControl(text)) << testing::PrintToString(text);
  }
  for (const std::string_view text : {"", "plain", "Zoë", "\xc2\xa0", "日本"}) {
    EXPECT_FALSE(HasControl(text)) << text;
  }
}

TEST(TakeCodePointTest, ReadsValuesAndStepsOverBadBytes) {
  std::string_view text = "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\xff";
  std::vector<char32_t> seen;
  while (!text.empty()) seen.push_back(TakeCodePoint(text).value_or(0));
  EXPECT_EQ(seen, (std::vector<char32_t>{'a', 0xFC, 0x20AC, 0x1F600, 0}));
}

TEST(AsciiLowerTest, LeavesOtherCharactersAlone) { EXPECT_EQ(AsciiLower("HeIm ÄÖ1"), "heim ÄÖ1"); }

TEST(NearestTest, FindsTheLikelyWordOrNone) {
  const std::vector<std::string_view> kWords = {"send", "serve", "channels", "connect", "keys"};
  EXPECT_EQ(Nearest("snd", kWords), "send");
  EXPECT_EQ(Nearest("sedn", kWords), "send");
  EXPECT_EQ(Nearest("chanels", kWords), "channels");
  EXPECT_EQ(Nearest("CONECT", kWords), "connect");
  EXPECT_EQ(Nearest("serv", kWords), "serve");
  EXPECT_EQ(Nearest("zzzz", kWords), std::nullopt);
  EXPECT_EQ(Nearest("", kWords), std::nullopt);
  EXPECT_EQ(Nearest("x", {}), std::nullopt);
  EXPECT_EQ(Nearest(std::string(1000, 'x'), kWords), std::nullopt);
}

TEST(StringsTest, BridgesViewsAndComparesWithoutCase) {
  const std::string_view word = "word";
  EXPECT_EQ(ToStd(ToAbsl(word)), word);
  std::string out = StrCat("a", word, 1, std::string("b"), 'c' == 'c');
  StrAppend(&out, word);
  EXPECT_EQ(out, "aword1b1word");
  EXPECT_TRUE(StartsWith("prefix", "pre"));
  EXPECT_FALSE(StartsWith("pr", "pre"));
  EXPECT_TRUE(EndsWith("file.cc", ".cc"));
  EXPECT_FALSE(EndsWith("cc", ".cc"));
  EXPECT_TRUE(EqualsIgnoreCase("Bearer", "bEARER"));
  EXPECT_FALSE(EqualsIgnoreCase("Bearer", "Bearer "));
  EXPECT_TRUE(StartsWithIgnoreCase("BEARER x", "bearer "));
}

}  // namespace
}  // namespace heim
