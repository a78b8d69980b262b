// A failed check names the place and the condition, and ends the process.
#include "server/base/check.h"

#include <gtest/gtest.h>

namespace heim {
namespace {

TEST(CheckDeathTest, FailedCheckPrintsPlaceAndCondition) {
  const int two = 2;
  HEIM_CHECK(two == 2);
  EXPECT_DEATH(HEIM_CHECK(two == 3), "check_test.cc:[0-9]+: check failed: two == 3");
  EXPECT_DEATH(HEIM_FATAL("all is lost"), "check_test.cc:[0-9]+: all is lost");
}

TEST(CheckTest, DebugCheckIsEvaluatedOnlyInDebugBuilds) {
  int evaluated = 0;
  const auto holds = [&] { return ++evaluated > 0; };
  HEIM_DCHECK(holds());
#ifdef NDEBUG
  EXPECT_EQ(evaluated, 0);
#else
  EXPECT_EQ(evaluated, 1);
#endif
}

}  // namespace
}  // namespace heim
