// Text of the web in UTF-8. Pure functions; any thread; linear in the text.
#pragma once

#include <string>
#include <string_view>

namespace heim {

// The text in valid UTF-8, from one of the encodings that pages have; what is damaged becomes
// U+FFFD. An encoding that is not known is read as UTF-8. A byte order mark beats the name and
// goes.
std::string ToUtf8(std::string_view text, std::string_view charset);

}  // namespace heim
