// Goal: cursors come back as they went out, and nothing else is taken for one.
#include "server/model/page.h"

#include <vector>

#include "gtest/gtest.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

TEST(PageTest, LimitHasADefaultAndAMaximum) {
  EXPECT_EQ(*PageLimit(0), 50u);
  EXPECT_EQ(*PageLimit(1), 1u);
  EXPECT_EQ(*PageLimit(200), 200u);
  EXPECT_EQ(*PageLimit(201), 200u);
  EXPECT_EQ(*PageLimit(UINT32_MAX), 200u);
}

TEST(PageTest, CursorsHoldAnyKey) {
  for (const std::string& key : {std::string("d42"), std::string(), std::string("\0\xff.", 3)}) {
    EXPECT_EQ(*DecodeCursor(EncodeCursor("list", key), "list"), key);
  }
}

TEST(PageTest, ACursorOfAnotherListIsRefused) {
  const auto key = DecodeCursor(EncodeCursor("channel-1/top", "d42"), "channel-2/top");
  EXPECT_EQ(ReasonOf(key.status()), v1::ERROR_REASON_INVALID_CURSOR);
}

TEST(PageTest, WhatIsNoCursorIsRefused) {
  const std::string good = EncodeCursor("f", "d42");
  std::vector<std::string> rows = {"", "x", "AQ", "!!!!", std::string(4000, 'A')};
  rows.push_back(good + "=");
  rows.push_back(good.substr(0, 8));
  rows.push_back(StrCat(" ", good));
  for (const std::string& bad : rows) {
    EXPECT_EQ(ReasonOf(DecodeCursor(bad, "f").status()), v1::ERROR_REASON_INVALID_CURSOR) << bad;
  }
}

TEST(LogCursorTest, TextAndBack) {
  const LogCursor cursor{"a1B2-_", 18446744073709551615u};
  EXPECT_EQ(cursor.Format(), "a1B2-_.18446744073709551615");
  const auto parsed = ParseLogCursor(FormatLogCursor(cursor));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->epoch, cursor.epoch);
  EXPECT_EQ(parsed->position, cursor.position);
  EXPECT_EQ(ParseLogCursor("e.0")->position, 0u);
}

TEST(LogCursorTest, EachPlaceHasOneTextOnly) {
  for (const char* bad :
       {"", ".", "e", "e.", ".1", "e.01", "e.-1", "e.+1", "e. 1", "e.1 ", "e.1.2", "e.1x",
        "e.18446744073709551616", "e e.1", "e.99999999999999999999999", "\xff.1", "e.0x1"}) {
    EXPECT_EQ(ReasonOf(ParseLogCursor(bad).status()), v1::ERROR_REASON_INVALID_CURSOR) << bad;
  }
  const std::string long_epoch(65, 'e');
  EXPECT_FALSE(ParseLogCursor(StrCat(long_epoch, ".1")).ok());
}

}  // namespace
}  // namespace heim
