// In pieces as at once, whatever the pieces.
#include "server/base/sha256.h"

#include <gtest/gtest.h>

#include "server/base/crypto.h"

namespace heim {
namespace {

TEST(Sha256HasherTest, PiecesGiveTheHashOfTheWhole) {
  const std::string bytes = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    Sha256Hasher hasher;
    hasher.Add(bytes.substr(0, cut));
    hasher.Add(bytes.substr(cut));
    EXPECT_EQ(hasher.Finish(), Sha256(bytes)) << cut;
  }
}

TEST(Sha256HasherTest, NothingHashesToTheHashOfNothing) {
  EXPECT_EQ(Sha256Hasher().Finish(), Sha256(""));
}

}  // namespace
}  // namespace heim
