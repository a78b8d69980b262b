#include "server/net/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>

#include "server/base/parse.h"
#include "server/base/strings.h"

namespace heim {
namespace {

struct Block {
  std::array<uint8_t, 6> begin;
  uint32_t prefix_bits;
};

// The special-purpose registry of IANA, as far as it is not to be reached, and what clouds answer
// at.
constexpr Block kClosed4[] = {
    {{0}, 8},                  // this network
    {{10}, 8},                 // private
    {{100, 64}, 10},           // shared by carriers; Alibaba's metadata
    {{127}, 8},                // loopback
    {{168, 63, 129, 16}, 32},  // Azure's platform
    {{169, 254}, 16},          // link-local; metadata
    {{172, 16}, 12},           // private
    {{192, 0, 0}, 24},         // protocol assignments; Oracle's metadata
    {{192, 0, 2}, 24},         // documentation
    {{192, 31, 196}, 24},      // AS112
    {{192, 52, 193}, 24},      // AMT
    {{192, 88, 99}, 24},       // relays of 6to4
    {{192, 168}, 16},          // private
    {{192, 175, 48}, 24},      // AS112
    {{198, 18}, 15},           // benchmarks
    {{198, 51, 100}, 24},      // documentation
    {{203, 0, 113}, 24},       // documentation
    {{224}, 4},                // multicast
    {{240}, 4},                // reserved, broadcast
};

// All unicast of the internet is within this; wrapped, unique local, link-local and multicast
// addresses are outside.
constexpr Block kOpen6 = {{0x20}, 3};
constexpr Block kClosed6[] = {
    {{0x20, 0x01, 0x00}, 23},                    // protocol assignments; Teredo
    {{0x20, 0x01, 0x0d, 0xb8}, 32},              // documentation
    {{0x20, 0x02}, 16},                          // 6to4
    {{0x26, 0x20, 0x00, 0x4f, 0x80, 0x00}, 48},  // AS112
    {{0x3f, 0xff, 0x00}, 20},                    // documentation
    {{0x3f, 0xfe}, 16},                          // the 6bone that was
};

bool BeginsAs(const IpAddress& address, const uint8_t* begin, uint32_t bits) {
  const uint32_t whole = bits / 8;
  if (!std::equal(begin, begin + whole, address.bytes.begin())) return false;
  if (bits % 8 == 0) return true;
  const auto mask = static_cast<uint8_t>(0xff << (8 - bits % 8));
  return (address.bytes[whole] & mask) == (begin[whole] & mask);
}

bool IsIn(const IpAddress& address, const Block& block) {
  return BeginsAs(address, block.begin.data(), block.prefix_bits);
}

}  // namespace

std::string IpAddress::ToString() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(ipv6 ? AF_INET6 : AF_INET, bytes.data(), text.data(), text.size());
  return text.data();
}

std::optional<IpAddress> ParseIpAddress(std::string_view text) {
  // inet_pton stops at a NUL, and takes neither octal, hexadecimal nor short forms, nor a zone.
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  IpAddress address;
  address.ipv6 = text.find(':') != std::string_view::npos;
  const std::string copy(text);
  if (inet_pton(address.ipv6 ? AF_INET6 : AF_INET, copy.c_str(), address.bytes.data()) != 1) {
    return std::nullopt;
  }
  return address;
}

bool IpNetwork::Contains(const IpAddress& other) const {
  return other.ipv6 == address.ipv6 && BeginsAs(other, address.bytes.data(), prefix_bits);
}

std::optional<IpNetwork> ParseIpNetwork(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = ParseIpAddress(text.substr(0, slash));
  if (!address.has_value()) return std::nullopt;
  IpNetwork network{*address, static_cast<uint32_t>(address->size() * 8)};
  if (slash == std::string_view::npos) return network;
  const auto bits = ParseInteger(text.substr(slash + 1), 0, network.prefix_bits);
  if (!bits.ok()) return std::nullopt;
  network.prefix_bits = static_cast<uint32_t>(*bits);
  return network;
}

bool IsPublicAddress(const IpAddress& address) {
  const auto holds = [&](const Block& block) { return IsIn(address, block); };
  if (!address.ipv6) return std::none_of(std::begin(kClosed4), std::end(kClosed4), holds);
  return IsIn(address, kOpen6) && std::none_of(std::begin(kClosed6), std::end(kClosed6), holds);
}

}  // namespace heim
