#include "gateway/http/client_address.h"

#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <cstdint>
#include <optional>

#include "gateway/http/request_head.h"
#include "server/base/strings.h"

namespace heim {
namespace {

namespace ip = boost::asio::ip;

std::optional<ip::address> ParseAddress(std::string_view text) {
  boost::system::error_code error;
  const ip::address address = ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return ip::make_address_v4(ip::v4_mapped, address.to_v6());
  }
  return address;
}

std::string Bytes(const ip::address& address) {
  const auto v6 =
      address.is_v6() ? address.to_v6() : ip::make_address_v6(ip::v4_mapped, address.to_v4());
  const auto bytes = v6.to_bytes();
  return std::string(bytes.begin(), bytes.end());
}

bool SamePrefix(std::string_view a, std::string_view b, int bits) {
  const size_t whole = static_cast<size_t>(bits) / 8;
  if (a.substr(0, whole) != b.substr(0, whole)) return false;
  const int rest = bits % 8;
  if (rest == 0) return true;
  const uint8_t mask = static_cast<uint8_t>(0xFF << (8 - rest));
  return ((static_cast<uint8_t>(a[whole]) ^ static_cast<uint8_t>(b[whole])) & mask) == 0;
}

// "192.0.2.1" of "192.0.2.1:4711", "2001:db8::1" of "[2001:db8::1]:4711"; an IPv6 address without
// brackets has no port.
std::string_view WithoutPort(std::string_view hop) {
  if (StartsWith(hop, "[")) return hop.substr(1, hop.find(']') - 1);
  const size_t colon = hop.find(':');
  const bool one = colon != std::string_view::npos && hop.rfind(':') == colon;
  return one ? hop.substr(0, colon) : hop;
}

}  // namespace

absl::StatusOr<AddressBlocks> AddressBlocks::Parse(const std::vector<std::string>& blocks) {
  AddressBlocks out;
  for (const std::string& text : blocks) {
    const size_t slash = text.find('/');
    const auto address = ParseAddress(std::string_view(text).substr(0, slash));
    const int most = address.has_value() && address->is_v6() ? 128 : 32;
    int bits = most;
    bool good = address.has_value();
    if (good && slash != std::string::npos) {
      const char* end = text.data() + text.size();
      const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, bits);
      good = error == std::errc() && stop == end && bits >= 0 && bits <= most;
    }
    if (!good) {
      return absl::InvalidArgumentError(
          StrCat("\"", text, "\" is neither an address nor a CIDR block"));
    }
    out.blocks_.push_back({Bytes(*address), address->is_v6() ? bits : bits + 96});
  }
  return out;
}

bool AddressBlocks::Contains(std::string_view address) const {
  if (blocks_.empty()) return false;
  const auto parsed = ParseAddress(address);
  if (!parsed.has_value()) return false;
  const std::string bytes = Bytes(*parsed);
  for (const Block& block : blocks_) {
    if (SamePrefix(bytes, block.bytes, block.prefix_bits)) return true;
  }
  return false;
}

std::string CanonicalAddress(std::string_view text) {
  const auto address = ParseAddress(text);
  return address.has_value() ? address->to_string() : "";
}

std::string ClientAddress(const std::string& peer, std::string_view forwarded_for,
                          const AddressBlocks& trusted) {
  std::string client = peer;
  const std::vector<std::string_view> hops = SplitList(forwarded_for);
  for (size_t i = hops.size(); i > 0 && trusted.Contains(client); --i) {
    std::string next = CanonicalAddress(WithoutPort(hops[i - 1]));
    if (next.empty()) break;
    client = std::move(next);
  }
  return client;
}

}  // namespace heim
