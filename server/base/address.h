// What an address of a peer says. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace heim {

// Whether a textual IP address is of this machine's own loopback: 127.0.0.0/8, ::1, also mapped
// (::ffff:127.0.0.1).
bool IsLoopback(std::string_view address);

// What limits count by: an IPv4 address, also when it came mapped into IPv6; of an IPv6 address its
// /64, which one host has for itself. What is no address comes back as it is.
std::string NetworkOf(std::string_view address);

}  // namespace heim
