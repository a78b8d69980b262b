// What an address of a peer says. Pure; any thread.
#pragma once

#include <string_view>

namespace heim {

// Whether a textual IP address is of this machine's own loopback: 127.0.0.0/8, ::1, also mapped
// (::ffff:127.0.0.1).
bool IsLoopback(std::string_view address);

}  // namespace heim
