// Ids are UUIDv7 with the clock's milliseconds and strictly increase whatever the clock does.
#include "server/base/ids.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <thread>
#include <unordered_set>
#include <vector>

#include "absl/hash/hash.h"
#include "server/base/strong_id.h"

namespace heim {
namespace {

uint64_t MillisOf(const std::string& id) {
  return std::stoull(id.substr(0, 8) + id.substr(9, 4), nullptr, 16);
}

TEST(UuidV7IdsTest, CarriesTimeVersionAndVariant) {
  ManualClock clock(absl::FromUnixMillis(0x0189ABCDEF01));
  SeededEntropy entropy(1);
  UuidV7Ids ids(clock, entropy);
  const std::string id = ids.NewId();
  EXPECT_TRUE(IsUuid(id)) << id;
  EXPECT_EQ(id.substr(0, 13), "0189abcd-ef01");
  EXPECT_EQ(id[14], '7');
  EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
}

TEST(UuidV7IdsTest, IncreasesWithinOneMillisecondBeyondTheCounter) {
  ManualClock clock;
  SeededEntropy entropy(1);
  UuidV7Ids ids(clock, entropy);
  std::string last = ids.NewId();
  const uint64_t start = MillisOf(last);
  for (int i = 0; i < 20000; ++i) {
    const std::string id = ids.NewId();
    ASSERT_LT(last, id);
    last = id;
  }
  EXPECT_GT(MillisOf(last), start);
}

TEST(UuidV7IdsTest, IncreasesWhenTheClockStepsBack) {
  ManualClock clock;
  SeededEntropy entropy(1);
  UuidV7Ids ids(clock, entropy);
  const absl::Time start = clock.Now();
  const std::string first = ids.NewId();
  clock.Set(start - absl::Hours(1));
  const std::string second = ids.NewId();
  EXPECT_LT(first, second);
  clock.Set(start + absl::Milliseconds(1));
  const std::string third = ids.NewId();
  EXPECT_LT(second, third);
  EXPECT_EQ(MillisOf(third), MillisOf(first) + 1);
}

TEST(UuidV7IdsTest, TimeBeforeTheEpochStillGivesAnId) {
  ManualClock clock(absl::FromUnixSeconds(-5));
  SeededEntropy entropy(1);
  UuidV7Ids ids(clock, entropy);
  EXPECT_TRUE(IsUuid(ids.NewId()));
}

TEST(UuidV7IdsTest, ThreadsNeverGetTheSameIdAndEachSeesAnIncrease) {
  SystemClock clock;
  SystemEntropy entropy;
  UuidV7Ids ids(clock, entropy);
  std::vector<std::vector<std::string>> made(4);
  std::vector<std::thread> threads;
  for (auto& mine : made) {
    threads.emplace_back([&ids, &mine] {
      for (int i = 0; i < 5000; ++i) mine.push_back(ids.NewId());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::unordered_set<std::string> all;
  for (const auto& mine : made) {
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), 20000u);
}

TEST(IsUuidTest, TakesTheCanonicalFormOnly) {
  EXPECT_TRUE(IsUuid("0189abcd-ef01-7abc-8def-0123456789ab"));
  EXPECT_TRUE(IsUuid("00000000-0000-0000-0000-000000000000"));
  const char* const kBad[] = {
      "",
      "0189ABCD-EF01-7ABC-8DEF-0123456789AB",
      "0189abcd-ef01-7abc-8def-0123456789a",
      "0189abcd-ef01-7abc-8def-0123456789abc",
      "0189abcdef017abc8def0123456789ab",
      "{189abcd-ef01-7abc-8def-0123456789a}",
      "0189abcd-ef01-7abc-8def_0123456789ab",
      "0189abcd-ef01-7abc-8def-0123456789ag",
      " 189abcd-ef01-7abc-8def-0123456789ab",
  };
  for (const char* text : kBad) EXPECT_FALSE(IsUuid(text)) << text;
  EXPECT_FALSE(IsUuid(std::string_view("0189abcd-ef01-7abc-8def-0123456789a\0", 36)));
}

using AppleId = StrongId<struct AppleIdTag>;
using PearId = StrongId<struct PearIdTag>;
static_assert(!std::is_convertible_v<std::string, AppleId>);
static_assert(!std::is_convertible_v<AppleId, PearId>);

TEST(StrongIdTest, ComparesHashesAndPrintsItsText) {
  const AppleId a(std::string("a"));
  const AppleId b(std::string_view("b"));
  EXPECT_TRUE(AppleId().empty());
  EXPECT_EQ(a, AppleId("a"));
  EXPECT_NE(a, b);
  EXPECT_LT(a, b);
  EXPECT_EQ(a.str(), "a");
  EXPECT_EQ(absl::Hash<AppleId>()(a), absl::Hash<AppleId>()(AppleId("a")));
  std::ostringstream out;
  out << b;
  EXPECT_EQ(out.str(), "b");
}

}  // namespace
}  // namespace heim
