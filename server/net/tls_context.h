// PrepareTls sets up TLS for clients: version 1.2 or newer, the other side always verified. Any
// thread; reads files.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <string>

#include "absl/status/status.h"

namespace heim {

// Trusts the authorities of `ca_file` (PEM), or of the system when it is empty. FAILED_PRECONDITION
// when the file cannot be read.
absl::Status PrepareTls(const std::string& ca_file, boost::asio::ssl::context* context);

}  // namespace heim
