// The OpenAPI 3.1 document of the REST interface, made from the descriptors and their comments.
// A pure function; any thread; takes tens of milliseconds, so make it once and keep it.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace heim {

// INTERNAL when the built-in descriptors cannot be read.
absl::StatusOr<std::string> BuildOpenApi(std::string_view server_version);

}  // namespace heim
