#include "server/base/address.h"

#include "server/base/strings.h"

namespace heim {

bool IsLoopback(std::string_view address) {
  constexpr std::string_view kMapped = "::ffff:";
  if (StartsWithIgnoreCase(address, kMapped)) address.remove_prefix(kMapped.size());
  return address == "::1" || StartsWith(address, "127.");
}

}  // namespace heim
