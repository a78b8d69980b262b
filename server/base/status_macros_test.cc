// Errors leave the function early, values pass through; move-only values and types with commas too.
#include "server/base/status_macros.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

namespace heim {
namespace {

absl::Status Fail() { return absl::NotFoundError("gone"); }
absl::StatusOr<std::unique_ptr<int>> MakeInt(bool ok) {
  if (!ok) return absl::AbortedError("no int");
  return std::make_unique<int>(7);
}
absl::StatusOr<std::map<int, int>> MakeMap(int key, int value) {
  return std::map<int, int>{{key, value}};
}

TEST(StatusMacrosTest, ReturnIfErrorPassesOkAndReturnsTheError) {
  int reached = 0;
  const auto run = [&](absl::Status status) -> absl::Status {
    HEIM_RETURN_IF_ERROR(status);
    ++reached;
    HEIM_RETURN_IF_ERROR(Fail());
    ++reached;
    return absl::OkStatus();
  };
  EXPECT_EQ(run(absl::DataLossError("x")).code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(reached, 0);
  EXPECT_EQ(run(absl::OkStatus()), absl::NotFoundError("gone"));
  EXPECT_EQ(reached, 1);
}

TEST(StatusMacrosTest, ReturnIfErrorTakesAStatusOrAndAStatementInBraces) {
  const auto run = [](bool ok) -> absl::StatusOr<std::string> {
    if (ok) {
      HEIM_RETURN_IF_ERROR(MakeInt(true));
    } else {
      HEIM_RETURN_IF_ERROR(MakeInt(false));
    }
    return std::string("end");
  };
  EXPECT_EQ(*run(true), "end");
  EXPECT_EQ(run(false).status(), absl::AbortedError("no int"));
}

TEST(StatusMacrosTest, AssignOrReturnMovesTheValueOut) {
  const auto run = [](bool ok) -> absl::StatusOr<int> {
    HEIM_ASSIGN_OR_RETURN(auto made, MakeInt(true));
    HEIM_ASSIGN_OR_RETURN(made, MakeInt(ok));
    return *made;
  };
  EXPECT_EQ(*run(true), 7);
  EXPECT_EQ(run(false).status(), absl::AbortedError("no int"));
}

TEST(StatusMacrosTest, AssignOrReturnTakesACommaOnBothSides) {
  const auto run = []() -> absl::StatusOr<int> {
    HEIM_ASSIGN_OR_RETURN((std::map<int, int> map), MakeMap(1, 2));
    HEIM_ASSIGN_OR_RETURN((const std::map<int, int> other), MakeMap(1, 3));
    return map.at(1) + other.at(1);
  };
  EXPECT_EQ(*run(), 5);
}

}  // namespace
}  // namespace heim
