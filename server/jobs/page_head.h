// What an HTML page says of itself in its head: a reader for title and meta elements, and nothing
// more of HTML. No tree is built, so no page can make it cost more than its length. Pure functions;
// any thread.
#pragma once

#include <string>
#include <string_view>

namespace heim {

struct PageHead {
  std::string title;
  std::string description;
  std::string site_name;
  std::string image;  // address of the picture, as the page has it
};

// Reads the page up to its body; a page that is cut gives what was there. Open Graph's words come
// before Twitter's, these before the page's own. Texts are valid UTF-8 on one line, of bounded
// length, without controls and what turns the direction of writing. `content_type` is that of the
// answer.
PageHead ReadPageHead(std::string_view page, std::string_view content_type);

// The text of an HTML attribute or title: character references resolved.
std::string HtmlText(std::string_view source);

// The charset parameter of a content type, or "".
std::string_view CharsetOf(std::string_view content_type);

}  // namespace heim
