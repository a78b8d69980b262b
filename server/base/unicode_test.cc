// The normal form as a table.
#include "server/base/unicode.h"

#include <gtest/gtest.h>

namespace heim {
namespace {

TEST(NormalizeNfcTest, WhatLooksTheSameIsTheSame) {
  const struct {
    std::string_view text;
    std::string_view normal;
  } kCases[] = {
      {"", ""},
      {"plain", "plain"},
      {"e\xCC\x81", "\xC3\xA9"},                      // e and an acute
      {"\xC3\xA9", "\xC3\xA9"},                       // composed already
      {"a\xCC\xA3\xCC\x88", "\xE1\xBA\xA1\xCC\x88"},  // marks are put in order
      {"a\xCC\x88\xCC\xA3", "\xE1\xBA\xA1\xCC\x88"},  // the same, the other way round
      {"\xE2\x84\xAB", "\xC3\x85"},                   // the sign of the angstrom
      {"\xE1\x84\x80\xE1\x85\xA1", "\xEA\xB0\x80"},   // hangul
      {"\xF0\x9F\x8E\x89", "\xF0\x9F\x8E\x89"},       // an emoji
      {"\xEF\xAC\x81", "\xEF\xAC\x81"},               // a ligature is not taken apart
      {"e\xCC\x81\xFF", "e\xCC\x81\xFF"},             // no UTF-8
      {std::string_view("\0\xC3\xA9", 3), std::string_view("\0\xC3\xA9", 3)},
  };
  for (const auto& test : kCases) EXPECT_EQ(NormalizeNfc(test.text), test.normal) << test.text;
}

}  // namespace
}  // namespace heim
