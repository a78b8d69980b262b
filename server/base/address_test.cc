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

TEST(AddressTest, AnIpv6AddressCountsAsItsNetwork) {
  EXPECT_EQ(NetworkOf("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(NetworkOf("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(NetworkOf("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(NetworkOf("2001:db8:1:2::1"), NetworkOf("2001:DB8:1:2:ffff::"));
  EXPECT_NE(NetworkOf("2001:db8:1:2::1"), NetworkOf("2001:db8:1:3::1"));
  for (const char* none : {"", "elsewhere"}) EXPECT_EQ(NetworkOf(none), none);
}

}  // namespace
}  // namespace heim
