// Sizes, durations and integers of settings, as tables.
#include "server/base/parse.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace heim {
namespace {

TEST(ParseByteSizeTest, TakesNumbersWithUnits) {
  const struct {
    std::string_view text;
    uint64_t bytes;
  } kCases[] = {
      {"0", 0},
      {"512", 512},
      {"512B", 512},
      {"1kB", 1000},
      {"1KiB", 1024},
      {"100MB", 100000000},
      {"100 MB", 100000000},
      {"100mb", 100000000},
      {"1GiB", 1073741824},
      {"2TB", 2000000000000},
      {"1TiB", 1099511627776},
      {"18446744073709551615", std::numeric_limits<uint64_t>::max()},
  };
  for (const auto& test : kCases) {
    const auto bytes = ParseByteSize(test.text);
    ASSERT_TRUE(bytes.ok()) << test.text << ": " << bytes.status();
    EXPECT_EQ(*bytes, test.bytes) << test.text;
  }
}

TEST(ParseByteSizeTest, RefusesTheRest) {
  for (const std::string_view text :
       {"", "MB", "-1", "+1", "1.5GB", " 1", "1 ", "1  MB", "1XB", "1M", "0x10", "100MBs",
        "18446744073709551616", "18446744073709551615kB"}) {
    EXPECT_EQ(ParseByteSize(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParseDurationTest, TakesNumbersWithUnits) {
  const struct {
    std::string_view text;
    absl::Duration duration;
  } kCases[] = {
      {"0", absl::ZeroDuration()}, {"0s", absl::ZeroDuration()}, {"500ms", absl::Milliseconds(500)},
      {"60s", absl::Seconds(60)},  {"15m", absl::Minutes(15)},   {"24h", absl::Hours(24)},
      {"7d", absl::Hours(168)},    {"1h30m", absl::Minutes(90)},
  };
  for (const auto& test : kCases) {
    const auto duration = ParseDuration(test.text);
    ASSERT_TRUE(duration.ok()) << test.text << ": " << duration.status();
    EXPECT_EQ(*duration, test.duration) << test.text;
  }
}

TEST(ParseDurationTest, RefusesTheRest) {
  for (const std::string_view text : {"", "60", "s", "-5s", "1.5s", "1 s", "5S", "5s ", "5sm",
                                      "1h30", "inf", "99999999d", "99999999999999999999s"}) {
    EXPECT_EQ(ParseDuration(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParseIntegerTest, StaysWithinItsRange) {
  EXPECT_EQ(*ParseInteger("3000", 1, 65535), 3000);
  EXPECT_EQ(*ParseInteger("-2", -5, 5), -2);
  EXPECT_EQ(*ParseInteger("65535", 1, 65535), 65535);
  for (const std::string_view text :
       {"", "0", "65536", "3000 ", "+3000", "3e3", "0x1f", "abc", "99999999999999999999"}) {
    EXPECT_EQ(ParseInteger(text, 1, 65535).status().code(), absl::StatusCode::kInvalidArgument)
        << text;
  }
  EXPECT_EQ(ParseInteger("x", 1, 9).status().message(), "expected a whole number from 1 to 9");
}

}  // namespace
}  // namespace heim
