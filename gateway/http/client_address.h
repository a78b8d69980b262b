// Who the client is when a proxy stands in front. Values and pure functions; any thread; never
// block.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/address.h"

namespace heim {

// Addresses and CIDR blocks, IPv4 and IPv6.
class AddressBlocks {
 public:
  // INVALID_ARGUMENT naming the entry that is neither.
  static absl::StatusOr<AddressBlocks> Parse(const std::vector<std::string>& blocks);

  bool Contains(std::string_view address) const;
  bool empty() const { return blocks_.empty(); }

 private:
  struct Block {
    std::string bytes;  // 16: IPv4 is mapped into IPv6
    int prefix_bits;
  };
  std::vector<Block> blocks_;
};

// The address in its usual form, IPv4 also when it came mapped into IPv6; empty when it is none.
std::string CanonicalAddress(std::string_view text);

// Goes through X-Forwarded-For from the right, as long as a trusted proxy has written the entry;
// the peer itself when it is not trusted. Entries may carry a port. What is no address ends the
// walk.
std::string ClientAddress(const std::string& peer, std::string_view forwarded_for,
                          const AddressBlocks& trusted);

}  // namespace heim
