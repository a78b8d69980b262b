// Operator links: only the holder of the key makes them, for an hour and one use.
#include "server/auth/operator_link.h"

#include <gtest/gtest.h>

#include "server/model/errors.h"

namespace heim {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

TEST(OperatorLinkTest, NamesTheAccountUntilItIsTooOld) {
  const std::string key = OperatorLinkKey("a secret of the server");
  const std::string token = MakeOperatorToken(key, "ada", kNow);
  EXPECT_TRUE(IsOperatorToken(token));
  EXPECT_LE(MakeOperatorToken(key, std::string(32, 'x'), kNow).size(), 128u);
  const auto read = ReadOperatorToken(key, token, kNow + absl::Minutes(59));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->username, "ada");
  EXPECT_EQ(read->issued_at, kNow);
  EXPECT_EQ(ReasonOf(ReadOperatorToken(key, token, kNow + absl::Hours(1)).status()),
            v1::ERROR_REASON_RESET_TOKEN_INVALID);
}

TEST(OperatorLinkTest, NothingOfItCanBeChanged) {
  const std::string key = OperatorLinkKey("a secret of the server");
  const std::string token = MakeOperatorToken(key, "ada", kNow);
  for (size_t i = 0; i < token.size(); ++i) {
    std::string other = token;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(ReadOperatorToken(key, other, kNow).ok()) << i;
  }
  for (const char* bad : {"", "op.", "op...", "op.YWRh.1.", "op.YWRh.1.x.y", "4f1c"}) {
    EXPECT_FALSE(ReadOperatorToken(key, bad, kNow).ok()) << bad;
  }
  EXPECT_FALSE(ReadOperatorToken(OperatorLinkKey("another secret"), token, kNow).ok());
}

TEST(OperatorLinkTest, APasswordThatIsSetEndsIt) {
  // 0x018bcfe56800 is 1'700'000'000'000 ms.
  EXPECT_TRUE(WasSetSince(KeyId("018bcfe5-6800-7000-8000-000000000000"), kNow));
  EXPECT_TRUE(WasSetSince(KeyId("018bcfe5-6801-7000-8000-000000000000"), kNow));
  EXPECT_FALSE(WasSetSince(KeyId("018bcfe5-67ff-7000-8000-000000000000"), kNow));
  EXPECT_TRUE(WasSetSince(KeyId("no id"), kNow));
}

}  // namespace
}  // namespace heim
