#include "server/jobs/page_head.h"

#include <algorithm>
#include <array>
#include <map>

#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/base/unicode.h"
#include "server/jobs/charset.h"
#include "server/model/preview_limits.h"

namespace heim {
namespace {

constexpr size_t kAttributesMax = 32;
// Where an encoding is declared, if at all.
constexpr size_t kDeclarationWithin = 4096;
constexpr std::string_view kSpaces = " \t\n\r\f";

bool IsSpace(char c) { return kSpaces.find(c) != std::string_view::npos; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

size_t FindIgnoreCase(std::string_view text, std::string_view what, size_t from) {
  const auto same = [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  };
  const auto at = std::search(text.begin() + static_cast<ptrdiff_t>(std::min(from, text.size())),
                              text.end(), what.begin(), what.end(), same);
  return at == text.end() ? std::string_view::npos : static_cast<size_t>(at - text.begin());
}

// Goes through the tags of a page.
class TagReader {
 public:
  explicit TagReader(std::string_view page) : page_(page) {}

  // The next opening tag; false at the end.
  bool Next() {
    while ((at_ = page_.find('<', at_)) != std::string_view::npos) {
      if (page_.substr(at_, 4) == "<!--") {
        SkipBehind("-->", at_ + 4);
      } else if (at_ + 1 < page_.size() && IsLetter(page_[at_ + 1])) {
        ++at_;
        ReadTag();
        return true;
      } else if (at_ + 1 < page_.size() &&
                 std::string_view("/!?").find(page_[at_ + 1]) != std::string_view::npos) {
        SkipBehind(">", at_ + 1);
      } else {
        ++at_;
      }
    }
    return false;
  }

  const std::string& name() const { return name_; }
  // "" when there is none.
  std::string_view Attribute(const std::string& name) const {
    const auto found = attributes_.find(name);
    return found == attributes_.end() ? std::string_view() : found->second;
  }
  // What stands up to the element's end tag, which is read, too. For elements without tags inside.
  std::string_view RawText() {
    const size_t begin = at_;
    const size_t end = FindIgnoreCase(page_, StrCat("</", name_), begin);
    at_ = std::min(end, page_.size());
    return page_.substr(begin, at_ - begin);
  }

 private:
  void SkipBehind(std::string_view what, size_t from) {
    const size_t end = page_.find(what, from);
    at_ = end == std::string_view::npos ? page_.size() : end + what.size();
  }
  bool AtEnd() const { return at_ >= page_.size(); }
  std::string_view TakeUntil(std::string_view stops) {
    const size_t begin = at_;
    at_ = std::min(page_.find_first_of(stops, begin), page_.size());
    return page_.substr(begin, at_ - begin);
  }
  void SkipSpaces() { at_ = std::min(page_.find_first_not_of(kSpaces, at_), page_.size()); }

  void ReadTag() {
    attributes_.clear();
    name_ = AsciiLower(TakeUntil(" \t\n\r\f/>"));
    while (true) {
      SkipSpaces();
      if (AtEnd()) return;
      if (page_[at_] == '>') {
        ++at_;
        return;
      }
      if (page_[at_] == '/') {
        ++at_;
        continue;
      }
      ReadAttribute();
    }
  }

  void ReadAttribute() {
    const size_t begin = at_;
    if (page_[at_] == '=') ++at_;  // part of a name there
    TakeUntil(" \t\n\r\f/>=");
    const std::string name = AsciiLower(page_.substr(begin, at_ - begin));
    SkipSpaces();
    std::string_view value;
    if (!AtEnd() && page_[at_] == '=') {
      ++at_;
      SkipSpaces();
      value = ReadValue();
    }
    if (attributes_.size() < kAttributesMax) attributes_.emplace(name, value);
  }

  std::string_view ReadValue() {
    if (AtEnd()) return {};
    const char quote = page_[at_];
    if (quote != '"' && quote != '\'') return TakeUntil(" \t\n\r\f>");
    ++at_;
    const std::string_view value = TakeUntil(std::string_view(&quote, 1));
    if (!AtEnd()) ++at_;
    return value;
  }

  const std::string_view page_;
  size_t at_ = 0;
  std::string name_;
  std::map<std::string, std::string_view> attributes_;
};

bool HoldsNoTags(const std::string& element) {
  return element == "script" || element == "style" || element == "template" || element == "svg" ||
         element == "textarea" || element == "iframe" || element == "noframes" ||
         element == "xmp" || element == "noembed";
}

// One line, for people.
std::string Cleaned(std::string_view source, size_t max_length) {
  const std::string decoded = HtmlText(source);
  std::string line;
  std::string_view rest = decoded;
  while (!rest.empty()) {
    const std::string_view before = rest;
    const auto c = TakeCodePoint(rest);
    if (!c.has_value()) continue;
    const bool space = *c <= ' ' || *c == 0xA0 || *c == 0x2028 || *c == 0x2029 || *c == 0x3000;
    if (space && (line.empty() || line.back() == ' ')) continue;
    line.append(space ? " " : before.substr(0, before.size() - rest.size()));
  }
  line = NormalizeNfc(StripUnsafeControls(line));
  while (!line.empty() && line.back() == ' ') line.pop_back();
  std::string_view left = line;
  for (size_t length = 0; length < max_length && !left.empty(); ++length) TakeCodePoint(left);
  if (left.empty()) return line;
  line.resize(line.size() - left.size());
  return StrCat(line, "…");
}

// The encoding that the page itself declares.
std::string DeclaredCharset(std::string_view page) {
  TagReader tags(page.substr(0, kDeclarationWithin));
  while (tags.Next() && tags.name() != "body") {
    if (HoldsNoTags(tags.name())) tags.RawText();
    if (tags.name() != "meta") continue;
    if (!tags.Attribute("charset").empty()) return std::string(tags.Attribute("charset"));
    if (!EqualsIgnoreCase(tags.Attribute("http-equiv"), "content-type")) continue;
    if (const auto charset = CharsetOf(tags.Attribute("content")); !charset.empty()) {
      return std::string(charset);
    }
  }
  return "";
}

// The first that says something.
std::string_view First(const std::map<std::string, std::string_view>& said,
                       std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = said.find(name);
    if (found != said.end() && !found->second.empty()) return found->second;
  }
  return {};
}

bool IsWanted(const std::string& name) {
  static constexpr std::array<std::string_view, 11> kWanted = {
      "og:title",      "og:description",      "og:site_name",    "og:image",
      "og:image:url",  "og:image:secure_url", "twitter:title",   "twitter:description",
      "twitter:image", "description",         "application-name"};
  return std::find(kWanted.begin(), kWanted.end(), name) != kWanted.end();
}

}  // namespace

std::string_view CharsetOf(std::string_view content_type) {
  const size_t at = FindIgnoreCase(content_type, "charset=", 0);
  if (at == std::string_view::npos) return {};
  std::string_view value = content_type.substr(at + 8);
  if (!value.empty() && (value.front() == '"' || value.front() == '\'')) value.remove_prefix(1);
  return value.substr(0, value.find_first_of("\"'; \t"));
}

PageHead ReadPageHead(std::string_view page, std::string_view content_type) {
  std::string charset(CharsetOf(content_type));
  if (charset.empty()) charset = DeclaredCharset(page);
  const std::string text = ToUtf8(page, charset);
  std::map<std::string, std::string_view> said;
  std::string_view title;
  TagReader tags(text);
  while (tags.Next() && tags.name() != "body") {
    if (tags.name() == "title" || HoldsNoTags(tags.name())) {
      const bool is_title = tags.name() == "title" && title.empty();
      const std::string_view raw = tags.RawText();
      if (is_title) title = raw;
    } else if (tags.name() == "meta") {
      std::string name = AsciiLower(tags.Attribute("property"));
      if (name.empty()) name = AsciiLower(tags.Attribute("name"));
      if (IsWanted(name)) said.emplace(name, tags.Attribute("content"));
    }
  }
  PageHead head;
  const std::string_view better = First(said, {"og:title", "twitter:title"});
  head.title = Cleaned(better.empty() ? title : better, kPreviewTitleMaxLength);
  head.description = Cleaned(First(said, {"og:description", "twitter:description", "description"}),
                             kPreviewDescriptionMaxLength);
  head.site_name =
      Cleaned(First(said, {"og:site_name", "application-name"}), kPreviewSiteMaxLength);
  const std::string image =
      HtmlText(First(said, {"og:image:secure_url", "og:image", "og:image:url", "twitter:image"}));
  std::string_view trimmed = image;
  while (!trimmed.empty() && IsSpace(trimmed.front())) trimmed.remove_prefix(1);
  while (!trimmed.empty() && IsSpace(trimmed.back())) trimmed.remove_suffix(1);
  if (trimmed.size() <= kPreviewLinkMaxBytes) head.image = std::string(trimmed);
  return head;
}

}  // namespace heim
