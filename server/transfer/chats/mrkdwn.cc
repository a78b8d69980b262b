#include "server/transfer/chats/mrkdwn.h"

#include <algorithm>

#include "server/base/strings.h"
#include "server/transfer/chats/mrkdwn_angle.h"

namespace heim {
namespace {

constexpr std::string_view kFence = "```";
constexpr std::string_view kQuote = "&gt;";
constexpr std::string_view kLongQuote = "&gt;&gt;&gt;";
// Bullets as Slack's editor writes them, by level.
constexpr std::string_view kBullets[] = {"\u2022 ", "\u25E6 ", "\u25AA\uFE0E ", "\u25AA "};

bool IsAlnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Converter {
 public:
  explicit Converter(const SlackNames& names) : names_(names) {}

  std::string Convert(std::string_view text) {
    while (true) {
      const size_t open = text.find(kFence);
      const size_t close =
          open == std::string_view::npos ? open : text.find(kFence, open + kFence.size());
      if (close == std::string_view::npos) break;
      Lines(text.substr(0, open));
      Fenced(text.substr(open + kFence.size(), close - open - kFence.size()));
      text.remove_prefix(close + kFence.size());
      if (At(text, 0) == '\n') text.remove_prefix(1);
    }
    Lines(text);
    while (!out_.empty() && IsSpace(out_.back())) out_.pop_back();
    return std::move(out_);
  }

 private:
  void NewLine() {
    if (!out_.empty() && out_.back() != '\n') out_.push_back('\n');
  }

  void Fenced(std::string_view code) {
    while (!out_.empty() && out_.back() == ' ') out_.pop_back();
    NewLine();
    if (in_quote_line_ && !quote_rest_) out_.push_back('\n');
    in_quote_line_ = quote_rest_;
    if (At(code, 0) == '\n') code.remove_prefix(1);
    if (!code.empty() && code.back() == '\n') code.remove_suffix(1);
    const std::string plain = StrCat(kFence, "\n", Code(code), "\n", kFence, "\n");
    for (size_t at = 0; at < plain.size();) {
      const size_t end = plain.find('\n', at) + 1;
      if (quote_rest_) out_ += "> ";
      out_.append(plain, at, end - at);
      at = end;
    }
  }

  void Lines(std::string_view text) {
    while (!text.empty()) {
      const size_t end = text.find('\n');
      const bool whole = end != std::string_view::npos;
      std::string_view line = text.substr(0, end);
      text.remove_prefix(whole ? end + 1 : text.size());
      if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
      Line(line);
      if (whole) out_.push_back('\n');
    }
  }

  void Line(std::string_view line) {
    const bool at_start = out_.empty() || out_.back() == '\n';
    bool quote = quote_rest_;
    if (at_start && !quote_rest_ && StartsWith(line, kLongQuote)) {
      quote = quote_rest_ = true;
      line.remove_prefix(kLongQuote.size());
    } else if (at_start && !quote_rest_ && StartsWith(line, kQuote)) {
      quote = true;
      line.remove_prefix(kQuote.size());
    }
    if (at_start) {
      // A line behind a quote would be taken for a part of it.
      if (in_quote_line_ && !quote && !line.empty()) out_.push_back('\n');
      in_quote_line_ = quote;
      if (quote) {
        out_ += "> ";
        if (At(line, 0) == ' ') line.remove_prefix(1);
      }
      line = Indented(line);
    }
    MaskLine(line);
    Inline(line, 0, line.size(), "");
  }

  // Writes what stands before the text of a line as Markdown has it, and returns the text.
  std::string_view Indented(std::string_view line) {
    size_t blanks = 0;
    while (At(line, blanks) == ' ' || At(line, blanks) == '\t') ++blanks;
    const std::string_view rest = line.substr(blanks);
    for (const std::string_view bullet : kBullets) {
      if (!StartsWith(rest, bullet)) continue;
      out_.append(blanks / 4 * 2, ' ');
      out_ += "- ";
      return rest.substr(bullet.size());
    }
    if (rest.empty()) return rest;
    // Four blanks would make code of it.
    const bool numbered = At(rest, 0) >= '0' && At(rest, 0) <= '9';
    out_.append(
        numbered ? blanks / 4 * 3 + std::min<size_t>(blanks % 4, 3) : std::min<size_t>(blanks, 3),
        ' ');
    const size_t hashes = std::min(rest.find_first_not_of('#'), rest.size());
    if (hashes > 0 && hashes <= 6 && At(rest, hashes) == ' ') out_.push_back('\\');
    return rest;
  }

  // Marks each byte of a line: 'c' in a code span with its ticks, 'a' in angle brackets, 't' text.
  void MaskLine(std::string_view line) {
    mask_.assign(line.size(), 't');
    for (size_t at = 0; at < line.size(); ++at) {
      size_t end = std::string_view::npos;
      if (line[at] == '`') end = line.find('`', at + 1);
      if (line[at] == '<') end = AngleEnd(line, at);
      if (end == std::string_view::npos || end == at + 1) continue;
      std::fill(mask_.begin() + static_cast<ptrdiff_t>(at),
                mask_.begin() + static_cast<ptrdiff_t>(end) + 1, line[at] == '`' ? 'c' : 'a');
      at = end;
    }
  }

  // Where the emphasis that opens at `at` closes; npos: it is no emphasis.
  size_t Closing(std::string_view line, size_t at, size_t end) const {
    const char marker = line[at];
    const bool opens = (at == 0 || (!IsAlnum(line[at - 1]) && line[at - 1] != marker)) &&
                       at + 1 < end && !IsSpace(line[at + 1]) && line[at + 1] != marker;
    if (!opens) return std::string_view::npos;
    for (size_t j = at + 2; j < end; ++j) {
      if (line[j] == marker && mask_[j] == 't' && !IsSpace(line[j - 1]) &&
          !IsAlnum(At(line, j + 1)) && At(line, j + 1) != marker) {
        return j;
      }
    }
    return std::string_view::npos;
  }

  // `inside` holds the markers of emphasis that this is within.
  void Inline(std::string_view line, size_t at, size_t end, std::string inside) {
    std::string hopeless;  // markers that nothing closes any more
    while (at < end) {
      const char c = line[at];
      if (mask_[at] == 'c') {
        const size_t close = line.find('`', at + 1);
        StrAppend(&out_, "`", Code(line.substr(at + 1, close - at - 1)), "`");
        at = close + 1;
      } else if (mask_[at] == 'a') {
        const size_t close = AngleEnd(line, at);
        Bracketed(AngleOf(line.substr(at + 1, close - at - 1)), line.substr(close + 1));
        at = close + 1;
      } else if ((c == '*' || c == '~') && inside.find(c) == std::string::npos &&
                 hopeless.find(c) == std::string::npos) {
        at = Emphasis(line, at, end, inside, &hopeless);
      } else if (c == '_') {
        at = Underscores(line, at, end);
      } else {
        at += Plain(line, at);
      }
    }
  }

  // A run of them; two and more at the edge of a word are bold in Markdown and nothing in Slack.
  size_t Underscores(std::string_view line, size_t at, size_t end) {
    size_t to = at + 1;
    while (to < end && line[to] == '_' && mask_[to] == 't') ++to;
    const bool edge = at == 0 || !IsAlnum(line[at - 1]) || !IsAlnum(At(line, to));
    for (size_t i = at; i < to; ++i) out_ += edge && to - at > 1 ? "\\_" : "_";
    return to;
  }

  size_t Emphasis(std::string_view line, size_t at, size_t end, const std::string& inside,
                  std::string* hopeless) {
    const char c = line[at];
    const size_t close = Closing(line, at, end);
    if (close == std::string_view::npos) {
      out_.push_back(c);
      const bool opens = at + 1 < end && !IsSpace(line[at + 1]) && line[at + 1] != c &&
                         (at == 0 || !IsAlnum(line[at - 1]));
      if (opens) hopeless->push_back(c);
      return at + 1;
    }
    const std::string_view marker = c == '*' ? "**" : "~~";
    out_ += marker;
    Inline(line, at + 1, close, inside + c);
    out_ += marker;
    return close + 1;
  }

  // One character of plain text, or an entity; returns how many bytes it is long.
  size_t Plain(std::string_view line, size_t at) {
    const char c = line[at];
    size_t length = 0;
    if (const char meant = EntityAt(line.substr(at), &length); length > 0) {
      const char next = At(line, at + length);
      if (meant == '<' && (IsAlnum(next) || next == '/' || next == '!' || next == '?')) {
        out_.push_back('\\');
      }
      out_.push_back(meant);
      return length;
    }
    const char next = At(line, at + 1);
    if (c == '\\' && next > ' ' && next < 0x7F && !IsAlnum(next)) out_.push_back('\\');
    out_.push_back(c);
    return 1;
  }

  void Bracketed(const Angle& angle, std::string_view next) {
    switch (angle.kind) {
      case Angle::Kind::kUser: {
        std::string name = names_.UsernameOf(angle.target);
        if (name.empty()) {
          // Nobody of this name is to be called.
          StrAppend(&out_, angle.label.empty() ? "someone" : angle.label);
          return;
        }
        Mention(name, next);
        return;
      }
      case Angle::Kind::kChannel: {
        const std::string name = names_.ChannelNameOf(angle.target);
        StrAppend(&out_, "#",
                  !name.empty()          ? name
                  : !angle.label.empty() ? angle.label
                                         : std::string("private"));
        return;
      }
      case Angle::Kind::kCommand:
        Command(angle, next);
        return;
      default:
        Link(angle, next);
    }
  }

  void Command(const Angle& angle, std::string_view next) {
    const std::string& target = angle.target;
    if (target == "here" || target == "channel" || target == "everyone") {
      Mention(target, next);
    } else if (StartsWith(target, "subteam^") && StartsWith(angle.label, "@")) {
      Mention(std::string_view(angle.label).substr(1), next);
    } else {
      out_ += angle.label.empty() ? target.substr(0, target.find('^')) : angle.label;
    }
  }

  // Blanks around it where the name would run into a word.
  void Mention(std::string_view name, std::string_view next) {
    const size_t emphasis = out_.size() - std::min(out_.find_last_not_of('_') + 1, out_.size());
    const char before = emphasis < out_.size() ? out_[out_.size() - 1 - emphasis] : ' ';
    const bool word = IsAlnum(before) || (static_cast<unsigned char>(before) >= 0x80) ||
                      before == '@' || before == '/' || before == '+' || before == '.' ||
                      before == '-';
    if (word || (!out_.empty() && out_.back() == '>')) out_.push_back(' ');
    StrAppend(&out_, "@", name);
    const char first = At(next, 0);
    const char second = At(next, 1);
    const bool runs_on = IsAlnum(first) || first == '@' || (first == '_' && emphasis == 0) ||
                         ((first == '.' || first == '-') && (IsAlnum(second) || second == '_'));
    if (runs_on) out_.push_back(' ');
  }

  void Link(const Angle& angle, std::string_view next) {
    std::string target = angle.target;
    for (const std::string_view scheme : {"mailto:", "tel:"}) {
      if (!StartsWith(target, scheme)) continue;
      const std::string bare = target.substr(scheme.size());
      if (angle.label.empty() || angle.label == bare) {
        out_ += bare;
        return;
      }
    }
    if (target.find(':') == std::string::npos) {
      StrAppend(&out_, "<", target, angle.label.empty() ? "" : "|", angle.label, ">");
      return;
    }
    if (angle.label.empty() || angle.label == target) {
      const char c = At(next, 0);
      const bool ends = c == '\0' || IsSpace(c) || c == ',' || c == '.' || c == ';' || c == ':' ||
                        c == '!' || c == '?' || c == ')';
      StrAppend(&out_, ends ? "" : "<", target, ends ? "" : ">");
    } else {
      Labelled(angle.label, target);
    }
    // What touches a link is no mention.
    if (At(next, 0) == '<') out_.push_back(' ');
  }

  void Labelled(std::string_view label, const std::string& target) {
    out_.push_back('[');
    for (const char c : label) {
      if (c == '[' || c == ']' || c == '\\') out_.push_back('\\');
      out_.push_back(c);
    }
    const bool odd = target.find_first_of("() ") != std::string::npos;
    StrAppend(&out_, "](", odd ? "<" : "", target, odd ? ">" : "", ")");
  }

  // Text within code: nothing but names, addresses and entities is resolved.
  std::string Code(std::string_view code) const {
    std::string out;
    for (size_t at = 0; at < code.size();) {
      const size_t close = code[at] == '<' ? AngleEnd(code, at) : std::string_view::npos;
      if (close != std::string_view::npos) {
        const Angle angle = AngleOf(code.substr(at + 1, close - at - 1));
        out += CodeOf(angle);
        at = close + 1;
        continue;
      }
      size_t length = 0;
      const char meant = EntityAt(code.substr(at), &length);
      out.push_back(length > 0 ? meant : code[at]);
      at += std::max<size_t>(length, 1);
    }
    return out;
  }

  std::string CodeOf(const Angle& angle) const {
    if (angle.kind == Angle::Kind::kUser) {
      const std::string name = names_.UsernameOf(angle.target);
      return StrCat("@", name.empty() ? angle.target : name);
    }
    if (angle.kind == Angle::Kind::kChannel) {
      const std::string name = names_.ChannelNameOf(angle.target);
      return StrCat("#", name.empty() ? angle.label : name);
    }
    if (!angle.label.empty()) return angle.label;
    return angle.kind == Angle::Kind::kCommand ? StrCat("@", angle.target) : angle.target;
  }

  const SlackNames& names_;
  std::string out_;
  std::string mask_;
  bool in_quote_line_ = false;
  bool quote_rest_ = false;
};

}  // namespace

std::string MarkdownFromMrkdwn(std::string_view text, const SlackNames& names) {
  return Converter(names).Convert(text);
}

}  // namespace heim
