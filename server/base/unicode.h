// Unicode's normal form. Pure functions; any thread; never block. The only door to utf8proc.
#pragma once

#include <string>
#include <string_view>

namespace heim {

// Canonical composition (NFC), so that what looks the same is the same bytes. Text that is not
// valid UTF-8 comes back as it is.
std::string NormalizeNfc(std::string_view text);

}  // namespace heim
