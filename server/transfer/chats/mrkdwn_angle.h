// The small signs of Slack's markup: entities, and what stands in angle brackets. Pure; any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace heim {

// The character at a place, NUL behind the end.
inline char At(std::string_view text, size_t at) { return at < text.size() ? text[at] : '\0'; }

// The character that an entity at the front stands for, and the entity's length; 0: none.
char EntityAt(std::string_view text, size_t* length);

// What stands in angle brackets: <@U1>, <#C1|general>, <!here>, <https://example.com|a page>.
struct Angle {
  enum class Kind { kUser, kChannel, kCommand, kLink } kind = Kind::kLink;
  std::string target;  // without its sign; decoded
  std::string label;   // behind the bar; decoded
};

Angle AngleOf(std::string_view inside);

// Where the bracket that opens at `at` closes; npos when it does not on this line.
size_t AngleEnd(std::string_view text, size_t at);

}  // namespace heim
