// Goal: docs/limits.md says what limits.h says. UPDATE_GOLDEN=1 writes it anew. Runs at the root of
// the repository.
#include "server/model/limits.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "gtest/gtest.h"

namespace heim {
namespace {

constexpr char kDocument[] = "docs/limits.md";

TEST(LimitsTest, TheDocumentIsUpToDate) {
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    std::ofstream(kDocument, std::ios::binary) << LimitsMarkdown();
  }
  std::ifstream file(kDocument, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), LimitsMarkdown()) << "run this test with UPDATE_GOLDEN=1";
}

TEST(LimitsTest, EveryRateClassHasABucket) {
  const auto* classes = v1::RateClass_descriptor();
  for (int i = 0; i < classes->value_count(); ++i) {
    const BucketRule rule = BucketOf(static_cast<v1::RateClass>(classes->value(i)->number()));
    EXPECT_GT(rule.refill_per_second, 0);
    EXPECT_GE(rule.burst, 1);
  }
  EXPECT_EQ(BucketOf(v1::RATE_CLASS_SEND).burst, 50);
  EXPECT_EQ(BucketOf(v1::RATE_CLASS_STREAM).refill_per_second, 200);
}

}  // namespace
}  // namespace heim
