#include "server/model/keywords.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/mentions.h"

namespace heim {
namespace {

bool IsBetween(char32_t c, char32_t first, char32_t last) { return c >= first && c <= last; }

// Lower case of the alphabets that have cases, one code point for one.
char32_t Fold(char32_t c) {
  if (IsBetween(c, 'A', 'Z')) return c + 32;
  if (IsBetween(c, 0xC0, 0xDE) && c != 0xD7) return c + 32;
  if (c == 0x178) return 0xFF;
  const bool pairs_from_odd = IsBetween(c, 0x139, 0x148) || IsBetween(c, 0x179, 0x17E);
  if (pairs_from_odd) return c % 2 == 1 ? c + 1 : c;
  if (IsBetween(c, 0x100, 0x177) && c != 0x130 && c != 0x131 && c != 0x138) return c | 1;
  if (c == 0x386) return 0x3AC;
  if (IsBetween(c, 0x388, 0x38A)) return c + 37;
  if (c == 0x38C) return 0x3CC;
  if (c == 0x38E || c == 0x38F) return c + 63;
  if (IsBetween(c, 0x391, 0x3AB) && c != 0x3A2) return c + 32;
  if (c == 0x3C2) return 0x3C3;  // the sigma at the end of a word
  if (IsBetween(c, 0x400, 0x40F)) return c + 80;
  if (IsBetween(c, 0x410, 0x42F)) return c + 32;
  if (IsBetween(c, 0x460, 0x481) || IsBetween(c, 0x48A, 0x4BF) || IsBetween(c, 0x4D0, 0x52F)) {
    return c | 1;
  }
  if (IsBetween(c, 0x531, 0x556)) return c + 48;
  if (IsBetween(c, 0x1E00, 0x1E95) || IsBetween(c, 0x1EA0, 0x1EFF)) return c | 1;
  return c;
}

bool IsSpace(char32_t c) {
  return c == ' ' || IsBetween(c, '\t', '\r') || c == 0xA0 || IsBetween(c, 0x2000, 0x200A) ||
         c == 0x202F || c == 0x3000;
}

// Letters and digits of scripts that put spaces between words.
bool IsWord(char32_t c) {
  if (c < 0x80) {
    return IsBetween(c, 'a', 'z') || IsBetween(c, 'A', 'Z') || IsBetween(c, '0', '9') || c == '_';
  }
  return (IsBetween(c, 0xC0, 0xDFF) && c != 0xD7 && c != 0xF7) || IsBetween(c, 0x1E00, 0x1FFF);
}

void Append(char32_t c, std::string* out) {
  const auto byte = [out](char32_t value) { out->push_back(static_cast<char>(value)); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xC0 | (c >> 6));
    byte(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    byte(0xE0 | (c >> 12));
    byte(0x80 | ((c >> 6) & 0x3F));
    byte(0x80 | (c & 0x3F));
  } else {
    byte(0xF0 | (c >> 18));
    byte(0x80 | ((c >> 12) & 0x3F));
    byte(0x80 | ((c >> 6) & 0x3F));
    byte(0x80 | (c & 0x3F));
  }
}

enum class Case { kKeep, kFold };

std::string Squeeze(std::string_view text, Case letters) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const char32_t c = TakeCodePoint(text).value_or(0xFFFD);
    if (!IsSpace(c)) {
      Append(letters == Case::kFold ? Fold(c) : c, &out);
    } else if (!out.empty() && out.back() != ' ') {
      out.push_back(' ');
    }
  }
  return out;
}

char32_t FirstOf(std::string_view text) {
  return text.empty() ? 0 : TakeCodePoint(text).value_or(0);
}

char32_t LastOf(std::string_view text) {
  if (text.empty()) return 0;
  size_t begin = text.size() - 1;
  while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return FirstOf(text.substr(begin));
}

// Whether a word goes on over the border.
bool IsJoined(char32_t before, char32_t after) { return IsWord(before) && IsWord(after); }

}  // namespace

absl::StatusOr<std::vector<std::string>> NormalizeKeywords(
    const google::protobuf::RepeatedPtrField<std::string>& keywords, std::string_view path) {
  std::vector<std::string> kept;
  std::set<std::string> known;
  for (int i = 0; i < keywords.size(); ++i) {
    std::string keyword = Squeeze(keywords[i], Case::kKeep);
    if (!keyword.empty() && keyword.back() == ' ') keyword.pop_back();
    if (keyword.empty() || HasControl(keyword) || Utf8Length(keyword) > kKeywordMaxLength) {
      return InvalidField(StrCat(path, "[", i, "]"),
                          StrCat("a word of 1 to ", kKeywordMaxLength, " characters"));
    }
    if (known.insert(Squeeze(keyword, Case::kFold)).second) kept.push_back(std::move(keyword));
  }
  if (kept.size() > kKeywordsMax) {
    return InvalidField(path, StrCat("at most ", kKeywordsMax, " words"));
  }
  return kept;
}

KeywordText::KeywordText(std::string_view content, v1::ContentType content_type)
    : folded_(Squeeze(WithoutCode(content, content_type), Case::kFold)) {}

bool KeywordText::Has(std::string_view keyword) const {
  const std::string wanted = Squeeze(keyword, Case::kFold);
  if (wanted.empty()) return false;
  const std::string_view text = folded_;
  for (size_t at = text.find(wanted); at != std::string_view::npos;
       at = text.find(wanted, at + 1)) {
    const std::string_view before = text.substr(0, at);
    const std::string_view after = text.substr(at + wanted.size());
    if (!IsJoined(LastOf(before), FirstOf(wanted)) && !IsJoined(LastOf(wanted), FirstOf(after))) {
      return true;
    }
  }
  return false;
}

}  // namespace heim
