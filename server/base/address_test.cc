// Goal: only this machine's own addresses count as loopback.
#include "server/base/address.h"

#include <gtest/gtest.h>

namespace heim {
namespace {

TEST(AddressTest, LoopbackAddressesAreRecognised) {
  for (const char* address : {"127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(IsLoopback(address)) << address;
  }
  for (const char* address :
       {"", "10.0.0.1", "128.0.0.1", "::2", "::ffff:10.0.0.1", "1127.0.0.1"}) {
    EXPECT_FALSE(IsLoopback(address)) << address;
  }
}

}  // namespace
}  // namespace heim
