#include "server/model/links.h"

#include <algorithm>

#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/mentions.h"
#include "server/model/preview_limits.h"

namespace heim {
namespace {

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '+' || c == '-' || c == '.';
}

// Where the scheme begins whose "://" is at `at`; npos when it is none of ours.
size_t SchemeBefore(std::string_view text, size_t at) {
  for (const std::string_view scheme : {"https", "http"}) {
    if (at < scheme.size()) continue;
    const size_t begin = at - scheme.size();
    if (!EqualsIgnoreCase(text.substr(begin, scheme.size()), scheme)) continue;
    if (begin == 0 || !IsWordByte(text[begin - 1])) return begin;
  }
  return std::string_view::npos;
}

bool EndsLink(char32_t c) {
  constexpr char32_t kCjkFrom = 0x3000;  // spaces, commas, stops and brackets
  constexpr char32_t kCjkTo = 0x303F;
  return c <= ' ' || c == '<' || c == '>' || c == '"' || c == '`' || !IsSafeCodePoint(c) ||
         c == 0xA0 || (c >= kCjkFrom && c <= kCjkTo);
}

// The characters from `begin` on that may be of a link.
std::string_view RunFrom(std::string_view text, size_t begin) {
  std::string_view rest = text.substr(begin);
  size_t length = 0;
  while (!rest.empty()) {
    const size_t before = rest.size();
    const auto c = TakeCodePoint(rest);
    if (!c.has_value() || EndsLink(*c)) break;
    length += before - rest.size();
  }
  const std::string_view run = text.substr(begin, length);
  return run.substr(0, run.find("]("));
}

// Without what belongs to the sentence around it.
std::string_view Trimmed(std::string_view link) {
  constexpr std::string_view kPunctuation = ".,;:!?'*~|";
  const auto count = [&](char c) { return std::count(link.begin(), link.end(), c); };
  while (!link.empty()) {
    const char last = link.back();
    const bool open = (last == ')' && count(')') > count('(')) ||
                      (last == ']' && count(']') > count('[')) ||
                      (last == '}' && count('}') > count('{'));
    if (!open && kPunctuation.find(last) == std::string_view::npos) break;
    link.remove_suffix(1);
  }
  return link;
}

}  // namespace

std::vector<std::string> FindLinks(std::string_view content, v1::ContentType content_type,
                                   size_t max) {
  std::vector<std::string> links;
  constexpr std::string_view kMark = "://";
  if (content_type == v1::CONTENT_TYPE_SYSTEM || content.find(kMark) == std::string_view::npos) {
    return links;
  }
  const std::string text = WithoutCode(content, content_type);
  size_t at = 0;
  while (links.size() < max && (at = text.find(kMark, at)) != std::string::npos) {
    const size_t begin = SchemeBefore(text, at);
    at += kMark.size();
    if (begin == std::string_view::npos) continue;
    const std::string_view run = RunFrom(text, begin);
    at = std::max(at, begin + run.size());
    if (run.size() > kPreviewLinkMaxBytes) continue;
    const std::string link(Trimmed(run));
    if (link.size() <= link.find(kMark) + kMark.size()) continue;
    if (std::find(links.begin(), links.end(), link) == links.end()) links.push_back(link);
  }
  return links;
}

}  // namespace heim
