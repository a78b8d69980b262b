// Random text has the right alphabet, length and an even spread; a seed repeats itself.
#include "server/base/entropy.h"

#include <gtest/gtest.h>

#include <cctype>
#include <map>
#include <set>

namespace heim {
namespace {

TEST(SeededEntropyTest, SameSeedGivesSameBytesAndAnotherSeedOthers) {
  SeededEntropy a(1);
  SeededEntropy b(1);
  SeededEntropy c(2);
  const std::string first = RandomBytes(a, 33);
  EXPECT_EQ(first, RandomBytes(b, 33));
  EXPECT_NE(first, RandomBytes(c, 33));
  EXPECT_NE(first, RandomBytes(a, 33));
}

TEST(SystemEntropyTest, FillsEveryByteAndNeverRepeats) {
  SystemEntropy entropy;
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) seen.insert(RandomBytes(entropy, 16));
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_EQ(RandomBytes(entropy, 0), "");
  std::set<char> values;
  for (const char c : RandomBytes(entropy, 10000)) values.insert(c);
  EXPECT_GT(values.size(), 250u);
}

TEST(RandomBase62Test, EveryCharacterIsAboutEquallyLikely) {
  SeededEntropy entropy(42);
  constexpr size_t kLength = 62 * 2000;
  const std::string text = RandomBase62(entropy, kLength);
  ASSERT_EQ(text.size(), kLength);
  std::map<char, int> count;
  for (const char c : text) {
    ASSERT_TRUE(std::isalnum(static_cast<unsigned char>(c)));
    ++count[c];
  }
  EXPECT_EQ(count.size(), 62u);
  // A plain modulo would make eight characters 25 % more frequent; chance gives about 2 %.
  for (const auto& [c, times] : count) {
    EXPECT_GT(times, 1750) << c;
    EXPECT_LT(times, 2250) << c;
  }
}

TEST(RandomBelowTest, StaysBelowTheBoundAndReachesAllValues) {
  SeededEntropy entropy(7);
  std::set<uint64_t> seen;
  for (int i = 0; i < 1000; ++i) seen.insert(RandomBelow(entropy, 6));
  EXPECT_EQ(seen, (std::set<uint64_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(RandomBelow(entropy, 1), 0u);
}

}  // namespace
}  // namespace heim
