#include "server/base/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

namespace heim {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

// Scripts without spaces between words; Hangul, whose words carry their endings, among them.
constexpr Range kAlone[] = {
    {0x0E00, 0x0EFF}, {0x1000, 0x109F}, {0x1100, 0x11FF},   {0x1780, 0x17FF},   {0x2E80, 0x2FDF},
    {0x3005, 0x3007}, {0x3021, 0x3029}, {0x3031, 0x3035},   {0x3040, 0x318F},   {0x31A0, 0x31BF},
    {0x31F0, 0x31FF}, {0x3400, 0x4DBF}, {0x4E00, 0x9FFF},   {0xA960, 0xA97F},   {0xAC00, 0xD7FF},
    {0xF900, 0xFAFF}, {0xFF66, 0xFFDC}, {0x1B000, 0x1B16F}, {0x20000, 0x3FFFF},
};
// Accents and points that writers leave out.
constexpr Range kAccents[] = {
    {0x0300, 0x036F}, {0x0483, 0x0487}, {0x0591, 0x05C7},   {0x0610, 0x061A}, {0x064B, 0x065F},
    {0x0670, 0x0670}, {0x06D6, 0x06DC}, {0x1AB0, 0x1AFF},   {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF},
    {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xE0100, 0xE01EF},
};

template <size_t kSize>
bool IsIn(char32_t c, const Range (&ranges)[kSize]) {
  return std::any_of(std::begin(ranges), std::end(ranges),
                     [c](const Range& range) { return c >= range.first && c <= range.last; });
}

bool IsLetterOrNumber(char32_t c) {
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO &&
         (category <= UTF8PROC_CATEGORY_LO || category >= UTF8PROC_CATEGORY_ND);
}

void AppendUtf8(char32_t c, std::string* out) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
  out->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
}

bool IsAsciiAlnum(char32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

std::string NormalizeNfc(std::string_view text) {
  const bool ascii = std::all_of(text.begin(), text.end(),
                                 [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  if (ascii) return std::string(text);
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  std::string normal(text);
  if (length >= 0) {
    normal.assign(reinterpret_cast<const char*>(mapped), static_cast<size_t>(length));
  }
  std::free(mapped);
  return normal;
}

LetterKind LetterKindOf(char32_t c) {
  if (c < 0x80) return IsAsciiAlnum(c) ? LetterKind::kWord : LetterKind::kNone;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:  // such as a soft hyphen
      return LetterKind::kMark;
    default:
      break;
  }
  if (!IsLetterOrNumber(c)) return LetterKind::kNone;
  return IsIn(c, kAlone) ? LetterKind::kAlone : LetterKind::kWord;
}

void AppendFolded(char32_t c, std::string* out) {
  if (c < 0x80) {
    if (IsAsciiAlnum(c)) out->push_back(static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c));
    return;
  }
  const LetterKind kind = LetterKindOf(c);
  if (kind == LetterKind::kMark) {
    const bool counts =
        utf8proc_category(static_cast<utf8proc_int32_t>(c)) != UTF8PROC_CATEGORY_CF &&
        !IsIn(c, kAccents);
    if (counts) AppendUtf8(c, out);
    return;
  }
  if (kind == LetterKind::kAlone) return AppendUtf8(c, out);
  constexpr utf8proc_ssize_t kMost = 32;
  utf8proc_int32_t plain[kMost];
  int boundary = 0;
  const utf8proc_ssize_t count = utf8proc_decompose_char(
      static_cast<utf8proc_int32_t>(c), plain, kMost,
      static_cast<utf8proc_option_t>(UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD),
      &boundary);
  for (utf8proc_ssize_t i = 0; i < std::min(count, kMost); ++i) {
    const auto one = static_cast<char32_t>(plain[i]);
    if (one < 0x80 ? IsAsciiAlnum(one) : IsLetterOrNumber(one)) AppendUtf8(one, out);
  }
}

}  // namespace heim
