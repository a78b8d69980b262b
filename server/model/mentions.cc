#include "server/model/mentions.h"

#include <algorithm>
#include <set>
#include <utility>

#include "server/base/text.h"
#include "server/model/limits.h"
#include "server/model/validate.h"

namespace heim {
namespace {

bool IsNameByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

size_t TrailingRun(std::string_view text, char c) {
  size_t length = 0;
  while (length < text.size() && text[text.size() - 1 - length] == c) ++length;
  return length;
}

// Whether an @ behind this text is within a word or an address. Scripts that are written without
// spaces may touch it; an odd number of backslashes escapes it.
bool EndsInWord(std::string_view text) {
  if (text.empty()) return false;
  const char last = text.back();
  if (last == '\\') return TrailingRun(text, '\\') % 2 == 1;
  if (static_cast<unsigned char>(last) < 0x80) {
    return IsNameByte(last) || last == '@' || last == '/' || last == '+';
  }
  size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  std::string_view tail = text.substr(begin);
  const char32_t c = TakeCodePoint(tail).value_or(0);
  constexpr char32_t kLatinFrom = 0xC0;
  constexpr char32_t kCyrillicTo = 0x52F;
  return c >= kLatinFrom && c <= kCyrillicTo;
}

// Whether what is being read is part of an address: of a link, bare or in Markdown's parentheses.
class AddressWatch {
 public:
  void Pass(std::string_view text, size_t at) {
    const char c = text[at];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      bare_ = linked_ = false;
    } else if (c == '/' && at >= 2 && text.substr(at - 2, 2) == ":/") {
      bare_ = true;
    } else if (c == '(' && at >= 1 && text[at - 1] == ']') {
      linked_ = true;
    } else if (c == ')') {
      linked_ = false;
    }
  }
  bool inside() const { return bare_ || linked_; }

 private:
  bool bare_ = false;
  bool linked_ = false;
};

// Bytes of `text` that are code in the eyes of Markdown, marked by line and by span.
class CodeMap {
 public:
  explicit CodeMap(std::string_view text) : text_(text), is_code_(text.size(), false) {
    size_t at = 0;
    while (at < text.size()) {
      size_t end = text.find('\n', at);
      if (end == std::string_view::npos) end = text.size();
      Line(at, end);
      at = end + 1;
    }
    FlushParagraph(text.size());
  }

  bool IsCode(size_t at) const { return is_code_[at]; }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  void Mark(size_t begin, size_t end) {
    std::fill(is_code_.begin() + static_cast<ptrdiff_t>(begin),
              is_code_.begin() + static_cast<ptrdiff_t>(end), true);
  }

  size_t RunAt(size_t at, char c) const {
    size_t end = at;
    while (end < text_.size() && text_[end] == c) ++end;
    return end - at;
  }

  void Line(size_t begin, size_t end) {
    const std::string_view line = text_.substr(begin, end - begin);
    const size_t indent = std::min(line.find_first_not_of(' '), line.size());
    const bool blank = line.find_first_not_of(" \t\r") == std::string_view::npos;
    const char first = indent < line.size() ? line[indent] : '\n';
    const size_t run = first == '`' || first == '~' ? RunAt(begin + indent, first) : 0;
    if (fence_ != 0) {
      Mark(begin, end);
      const bool bare = line.find_first_not_of(" \t\r", indent + run) == std::string_view::npos;
      if (first == fence_ && run >= fence_length_ && indent < 4 && bare) fence_ = 0;
      return;
    }
    const bool fence = run >= 3 && indent < 4 &&
                       (first == '~' || line.find('`', indent + run) == std::string_view::npos);
    const bool indented = paragraph_ == kNone && !blank && (indent >= 4 || line[0] == '\t');
    if (fence || blank || indented) FlushParagraph(begin);
    if (fence) {
      fence_ = first;
      fence_length_ = run;
    }
    if (fence || indented) {
      Mark(begin, end);
    } else if (!blank && paragraph_ == kNone) {
      paragraph_ = begin;
    }
  }

  // Code spans of a paragraph: a run of backticks up to the next run of the same length.
  void FlushParagraph(size_t end) {
    if (paragraph_ == kNone) return;
    size_t at = std::exchange(paragraph_, kNone);
    const std::vector<Run> runs = RunsIn(at, end);
    std::set<size_t> lonely;  // lengths that no later run has
    while (at < end) {
      if (text_[at] != '`') {
        at += text_[at] == '\\' && at + 1 < end ? 2 : 1;
        continue;
      }
      const size_t length = RunAt(at, '`');
      const size_t after = at + length;
      auto close = std::lower_bound(runs.begin(), runs.end(), after,
                                    [](const Run& run, size_t x) { return run.at < x; });
      if (lonely.count(length) == 0) {
        close =
            std::find_if(close, runs.end(), [&](const Run& run) { return run.length == length; });
      } else {
        close = runs.end();
      }
      if (close == runs.end()) {
        lonely.insert(length);
        at = after;
      } else {
        at = close->at + length;
        Mark(after - length, at);
      }
    }
  }

  struct Run {
    size_t at;
    size_t length;
  };

  std::vector<Run> RunsIn(size_t at, size_t end) const {
    std::vector<Run> runs;
    for (; at < end; ++at) {
      if (text_[at] != '`') continue;
      runs.push_back({at, RunAt(at, '`')});
      at += runs.back().length;
    }
    return runs;
  }

  const std::string_view text_;
  std::vector<bool> is_code_;
  char fence_ = 0;  // its character while within a fenced block
  size_t fence_length_ = 0;
  size_t paragraph_ = kNone;  // where the one being read begins
};

v1::MentionType TypeOf(std::string_view name) {
  if (name == "channel") return v1::MENTION_TYPE_CHANNEL;
  if (name == "here") return v1::MENTION_TYPE_HERE;
  if (name == "everyone") return v1::MENTION_TYPE_EVERYONE;
  return IsUsername(name) ? v1::MENTION_TYPE_ACTOR : v1::MENTION_TYPE_UNSPECIFIED;
}

// The name behind the @, without the full stop that ends a sentence; an address has an @ in it.
std::string_view NameAt(std::string_view text, size_t at) {
  size_t end = at;
  while (end < text.size() && IsNameByte(text[end])) ++end;
  if (end < text.size() && text[end] == '@') return "";
  while (end > at && (text[end - 1] == '.' || text[end - 1] == '-')) --end;
  return text.substr(at, end - at);
}

}  // namespace

std::vector<MentionToken> FindMentions(std::string_view content, v1::ContentType content_type) {
  std::vector<MentionToken> found;
  if (content_type == v1::CONTENT_TYPE_SYSTEM) return found;
  if (content.find('@') == std::string_view::npos) return found;
  const bool markdown = content_type != v1::CONTENT_TYPE_TEXT;
  const CodeMap code(markdown ? content : std::string_view());
  uint32_t code_points = 0;
  AddressWatch address;
  for (size_t at = 0; at < content.size(); ++at) {
    const bool continues = (static_cast<unsigned char>(content[at]) & 0xC0) == 0x80;
    if (continues) continue;
    const uint32_t here = code_points++;
    address.Pass(content, at);
    if (content[at] != '@' || address.inside() || (markdown && code.IsCode(at))) continue;
    // Underscores around a name are emphasis.
    std::string_view name = NameAt(content, at + 1);
    const std::string_view before = content.substr(0, at);
    const size_t begin = markdown ? TrailingRun(before, '_') : 0;
    const size_t emphasis = TrailingRun(name, '_') >= begin ? begin : 0;
    name.remove_suffix(emphasis);
    if (EndsInWord(before.substr(0, at - emphasis))) continue;
    const std::string lower = AsciiLower(name);
    const v1::MentionType type = TypeOf(lower);
    if (type == v1::MENTION_TYPE_UNSPECIFIED) continue;
    MentionToken& token = found.emplace_back();
    token.type = type;
    if (type == v1::MENTION_TYPE_ACTOR) token.username = lower;
    token.start = here;
    token.length = static_cast<uint32_t>(name.size() + 1);
    if (found.size() == kMentionsMax) break;
  }
  return found;
}

std::string WithoutCode(std::string_view content, v1::ContentType content_type) {
  std::string text(content);
  if (content_type == v1::CONTENT_TYPE_TEXT) return text;
  const CodeMap code(content);
  for (size_t at = 0; at < text.size(); ++at) {
    if (code.IsCode(at)) text[at] = '\0';
  }
  return text;
}

}  // namespace heim
