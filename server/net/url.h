// Url is an http or https address in its parts. Values and pure functions; any thread, never
// blocks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace heim {

struct Url {
  bool tls = false;
  std::string host;  // lower case; an IPv6 address without its brackets
  uint16_t port = 0;
  std::string target;  // path and query; at least "/"

  // What the Host header says: the port only when it is not the scheme's own.
  std::string Authority() const;
};

// INVALID_ARGUMENT for another scheme, a user name, a fragment, or anything that is no host.
absl::StatusOr<Url> ParseUrl(std::string_view text);

}  // namespace heim
