// IpAddress is an address of version 4 or 6, and IsPublicAddress says whether it is one that
// anybody on the internet may be sent to. Values and pure functions; any thread, never blocks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace heim {

struct IpAddress {
  std::array<uint8_t, 16> bytes{};  // of version 4: the first four
  bool ipv6 = false;

  size_t size() const { return ipv6 ? 16 : 4; }
  std::string ToString() const;
  friend bool operator==(const IpAddress& a, const IpAddress& b) {
    return a.ipv6 == b.ipv6 && a.bytes == b.bytes;
  }
};

// The one canonical form only: four decimal numbers without leading zeros, or IPv6 as RFC 4291
// writes it, without brackets and zone. nullopt for anything else.
std::optional<IpAddress> ParseIpAddress(std::string_view text);

// Addresses that begin alike.
struct IpNetwork {
  IpAddress address;
  uint32_t prefix_bits = 0;

  bool Contains(const IpAddress& other) const;
};

// "10.0.0.0/8", "fd00::/8", or an address alone, which is a network of its own.
std::optional<IpNetwork> ParseIpNetwork(std::string_view text);

// Whether the address is unicast of the public internet. Not so: private, loopback, link-local,
// shared by carriers (CGNAT), multicast, broadcast, reserved, for documentation and benchmarks,
// unique local, the metadata services of clouds, and every form of IPv6 that only wraps an address
// of version 4 (mapped, compatible, 6to4, Teredo, NAT64).
bool IsPublicAddress(const IpAddress& address);

}  // namespace heim
