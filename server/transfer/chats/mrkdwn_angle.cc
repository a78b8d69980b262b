#include "server/transfer/chats/mrkdwn_angle.h"

#include <algorithm>
#include <utility>

#include "server/base/strings.h"

namespace heim {

char EntityAt(std::string_view text, size_t* length) {
  for (const auto& [entity, c] :
       {std::pair<std::string_view, char>{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}}) {
    if (!StartsWith(text, entity)) continue;
    *length = entity.size();
    return c;
  }
  *length = 0;
  return '\0';
}

namespace {

std::string Decoded(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    size_t length = 0;
    const char c = EntityAt(text, &length);
    out.push_back(length == 0 ? text.front() : c);
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

}  // namespace

Angle AngleOf(std::string_view inside) {
  Angle angle;
  const size_t bar = inside.find('|');
  std::string_view target = inside.substr(0, bar);
  if (bar != std::string_view::npos) angle.label = Decoded(inside.substr(bar + 1));
  const char sign = At(target, 0);
  angle.kind = sign == '@'   ? Angle::Kind::kUser
               : sign == '#' ? Angle::Kind::kChannel
               : sign == '!' ? Angle::Kind::kCommand
                             : Angle::Kind::kLink;
  if (angle.kind != Angle::Kind::kLink) target.remove_prefix(1);
  angle.target = Decoded(target);
  return angle;
}

size_t AngleEnd(std::string_view text, size_t at) {
  const size_t end = text.find_first_of("<>\n", at + 1);
  return end != std::string_view::npos && text[end] == '>' && end > at + 1 ? end
                                                                           : std::string_view::npos;
}

}  // namespace heim
