#include "server/base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "server/base/strings.h"

namespace heim {
namespace {

constexpr std::string_view kMapped = "::ffff:";
constexpr size_t kNetworkBytes = 8;  // of the 16 of an IPv6 address

std::string_view Unmapped(std::string_view address) {
  if (StartsWithIgnoreCase(address, kMapped)) address.remove_prefix(kMapped.size());
  return address;
}

}  // namespace

bool IsLoopback(std::string_view address) {
  address = Unmapped(address);
  return address == "::1" || StartsWith(address, "127.");
}

std::string NetworkOf(std::string_view address) {
  const std::string text(Unmapped(address));
  std::array<uint8_t, 16> bytes{};
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return text;
  std::fill(bytes.begin() + kNetworkBytes, bytes.end(), 0);
  std::array<char, INET6_ADDRSTRLEN> network{};
  inet_ntop(AF_INET6, bytes.data(), network.data(), network.size());
  return StrCat(network.data(), "/64");
}

}  // namespace heim
