#include "server/model/emoji.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <vector>

#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/people_limits.h"

namespace heim {
namespace {

constexpr char32_t kJoiner = 0x200D;
constexpr char32_t kEmojiStyle = 0xFE0F;
constexpr char32_t kTextStyle = 0xFE0E;
constexpr char32_t kKeycap = 0x20E3;
constexpr char32_t kBlackFlag = 0x1F3F4;
constexpr char32_t kTagEnd = 0xE007F;

struct Range {
  char32_t first;
  char32_t last;
};

// Unicode property Emoji from U+00A0 on that has not Emoji_Presentation: shown as text unless
// U+FE0F follows.
constexpr Range kTextDefault[] = {
    {0xA9, 0xA9},       {0xAE, 0xAE},       {0x203C, 0x203C},   {0x2049, 0x2049},
    {0x2122, 0x2122},   {0x2139, 0x2139},   {0x2194, 0x2199},   {0x21A9, 0x21AA},
    {0x2328, 0x2328},   {0x23CF, 0x23CF},   {0x23ED, 0x23EF},   {0x23F1, 0x23F2},
    {0x23F8, 0x23FA},   {0x24C2, 0x24C2},   {0x25AA, 0x25AB},   {0x25B6, 0x25B6},
    {0x25C0, 0x25C0},   {0x25FB, 0x25FC},   {0x2600, 0x2604},   {0x260E, 0x260E},
    {0x2611, 0x2611},   {0x2618, 0x2618},   {0x261D, 0x261D},   {0x2620, 0x2620},
    {0x2622, 0x2623},   {0x2626, 0x2626},   {0x262A, 0x262A},   {0x262E, 0x262F},
    {0x2638, 0x263A},   {0x2640, 0x2640},   {0x2642, 0x2642},   {0x265F, 0x2660},
    {0x2663, 0x2663},   {0x2665, 0x2666},   {0x2668, 0x2668},   {0x267B, 0x267B},
    {0x267E, 0x267E},   {0x2692, 0x2692},   {0x2694, 0x2697},   {0x2699, 0x2699},
    {0x269B, 0x269C},   {0x26A0, 0x26A0},   {0x26A7, 0x26A7},   {0x26B0, 0x26B1},
    {0x26C8, 0x26C8},   {0x26CF, 0x26CF},   {0x26D1, 0x26D1},   {0x26D3, 0x26D3},
    {0x26E9, 0x26E9},   {0x26F0, 0x26F1},   {0x26F4, 0x26F4},   {0x26F7, 0x26F9},
    {0x2702, 0x2702},   {0x2708, 0x2709},   {0x270C, 0x270D},   {0x270F, 0x270F},
    {0x2712, 0x2712},   {0x2714, 0x2714},   {0x2716, 0x2716},   {0x271D, 0x271D},
    {0x2721, 0x2721},   {0x2733, 0x2734},   {0x2744, 0x2744},   {0x2747, 0x2747},
    {0x2763, 0x2764},   {0x27A1, 0x27A1},   {0x2934, 0x2935},   {0x2B05, 0x2B07},
    {0x3030, 0x3030},   {0x303D, 0x303D},   {0x3297, 0x3297},   {0x3299, 0x3299},
    {0x1F170, 0x1F171}, {0x1F17E, 0x1F17F}, {0x1F202, 0x1F202}, {0x1F237, 0x1F237},
    {0x1F321, 0x1F321}, {0x1F324, 0x1F32C}, {0x1F336, 0x1F336}, {0x1F37D, 0x1F37D},
    {0x1F396, 0x1F397}, {0x1F399, 0x1F39B}, {0x1F39E, 0x1F39F}, {0x1F3CB, 0x1F3CE},
    {0x1F3D4, 0x1F3DF}, {0x1F3F3, 0x1F3F3}, {0x1F3F5, 0x1F3F5}, {0x1F3F7, 0x1F3F7},
    {0x1F43F, 0x1F43F}, {0x1F441, 0x1F441}, {0x1F4FD, 0x1F4FD}, {0x1F549, 0x1F54A},
    {0x1F56F, 0x1F570}, {0x1F573, 0x1F579}, {0x1F587, 0x1F587}, {0x1F58A, 0x1F58D},
    {0x1F590, 0x1F590}, {0x1F5A5, 0x1F5A5}, {0x1F5A8, 0x1F5A8}, {0x1F5B1, 0x1F5B2},
    {0x1F5BC, 0x1F5BC}, {0x1F5C2, 0x1F5C4}, {0x1F5D1, 0x1F5D3}, {0x1F5DC, 0x1F5DE},
    {0x1F5E1, 0x1F5E1}, {0x1F5E3, 0x1F5E3}, {0x1F5E8, 0x1F5E8}, {0x1F5EF, 0x1F5EF},
    {0x1F5F3, 0x1F5F3}, {0x1F5FA, 0x1F5FA}, {0x1F6CB, 0x1F6CB}, {0x1F6CD, 0x1F6CF},
    {0x1F6E0, 0x1F6E5}, {0x1F6E9, 0x1F6E9}, {0x1F6F0, 0x1F6F0}, {0x1F6F3, 0x1F6F3},
};

// Emoji_Presentation: shown in colour by themselves. Blocks that Unicode fills year by year are
// taken whole.
constexpr Range kColourDefault[] = {
    {0x231A, 0x231B},   {0x23E9, 0x23EC},   {0x23F0, 0x23F0},   {0x23F3, 0x23F3},
    {0x25FD, 0x25FE},   {0x2614, 0x2615},   {0x2648, 0x2653},   {0x267F, 0x267F},
    {0x2693, 0x2693},   {0x26A1, 0x26A1},   {0x26AA, 0x26AB},   {0x26BD, 0x26BE},
    {0x26C4, 0x26C5},   {0x26CE, 0x26CE},   {0x26D4, 0x26D4},   {0x26EA, 0x26EA},
    {0x26F2, 0x26F3},   {0x26F5, 0x26F5},   {0x26FA, 0x26FA},   {0x26FD, 0x26FD},
    {0x2705, 0x2705},   {0x270A, 0x270B},   {0x2728, 0x2728},   {0x274C, 0x274C},
    {0x274E, 0x274E},   {0x2753, 0x2755},   {0x2757, 0x2757},   {0x2795, 0x2797},
    {0x27B0, 0x27B0},   {0x27BF, 0x27BF},   {0x2B1B, 0x2B1C},   {0x2B50, 0x2B50},
    {0x2B55, 0x2B55},   {0x1F004, 0x1F004}, {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E},
    {0x1F191, 0x1F19A}, {0x1F201, 0x1F201}, {0x1F21A, 0x1F21A}, {0x1F22F, 0x1F22F},
    {0x1F232, 0x1F236}, {0x1F238, 0x1F23A}, {0x1F250, 0x1F251}, {0x1F300, 0x1F320},
    {0x1F32D, 0x1F335}, {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393}, {0x1F3A0, 0x1F3CA},
    {0x1F3CF, 0x1F3D3}, {0x1F3E0, 0x1F3F0}, {0x1F3F4, 0x1F3F4}, {0x1F3F8, 0x1F43E},
    {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D}, {0x1F54B, 0x1F54E},
    {0x1F550, 0x1F567}, {0x1F57A, 0x1F57A}, {0x1F595, 0x1F596}, {0x1F5A4, 0x1F5A4},
    {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5}, {0x1F6CC, 0x1F6CC}, {0x1F6D0, 0x1F6D2},
    {0x1F6D5, 0x1F6D7}, {0x1F6DC, 0x1F6DF}, {0x1F6EB, 0x1F6EC}, {0x1F6F4, 0x1F6FC},
    {0x1F7E0, 0x1F7EB}, {0x1F7F0, 0x1F7F0}, {0x1F90C, 0x1F93A}, {0x1F93C, 0x1F945},
    {0x1F947, 0x1F9FF}, {0x1FA70, 0x1FAFF},
};

template <size_t N>
bool Contains(const Range (&ranges)[N], char32_t c) {
  const Range* end = std::end(ranges);
  const Range* at = std::upper_bound(
      std::begin(ranges), end, c, [](char32_t x, const Range& range) { return x < range.first; });
  return at != std::begin(ranges) && c <= std::prev(at)->last;
}

bool IsRegional(char32_t c) { return c >= 0x1F1E6 && c <= 0x1F1FF; }
bool IsSkinTone(char32_t c) { return c >= 0x1F3FB && c <= 0x1F3FF; }
bool IsTag(char32_t c) { return c >= 0xE0020 && c < kTagEnd; }
bool IsKeycapBase(char32_t c) { return (c >= '0' && c <= '9') || c == '#' || c == '*'; }

// One code point as UTF-8; all of these are valid.
void AppendUtf8(char32_t c, std::string* out) {
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xC0 | (c >> 6)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | (c >> 12)));
    out->push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | (c >> 18)));
    out->push_back(static_cast<char>(0x80 | ((c >> 12) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

// Reads the emoji of UTS #51 (ED-17 and what it builds on), one, to the end, and writes its
// canonical form. Variation selectors are skipped where they may stand and written where they must.
class EmojiReader {
 public:
  explicit EmojiReader(std::vector<char32_t> code_points) : in_(std::move(code_points)) {}

  std::optional<std::string> Read() {
    if (!Element()) return std::nullopt;
    while (Take(kJoiner)) {
      AppendUtf8(kJoiner, &out_);
      if (!Element()) return std::nullopt;
    }
    return at_ == in_.size() ? std::optional(std::move(out_)) : std::nullopt;
  }

 private:
  char32_t Peek() const { return at_ < in_.size() ? in_[at_] : 0; }
  bool Take(char32_t c) {
    if (Peek() != c) return false;
    ++at_;
    return true;
  }
  void SkipStyles() {
    while (Peek() == kEmojiStyle || Peek() == kTextStyle) ++at_;
  }

  bool Element() {
    const char32_t base = Peek();
    if (base == 0) return false;
    ++at_;
    AppendUtf8(base, &out_);
    if (IsRegional(base)) return Flag();
    if (IsKeycapBase(base)) return Keycap();
    const bool text_default = Contains(kTextDefault, base);
    if (!text_default && !Contains(kColourDefault, base)) return false;
    SkipStyles();
    if (IsSkinTone(Peek())) {
      AppendUtf8(in_[at_++], &out_);
      SkipStyles();
    } else if (text_default) {
      AppendUtf8(kEmojiStyle, &out_);
    }
    return base != kBlackFlag || Tags();
  }

  bool Flag() {
    if (!IsRegional(Peek())) return false;
    AppendUtf8(in_[at_++], &out_);
    return true;
  }

  bool Keycap() {
    SkipStyles();
    if (!Take(kKeycap)) return false;
    AppendUtf8(kEmojiStyle, &out_);
    AppendUtf8(kKeycap, &out_);
    return true;
  }

  // Flags of England, Scotland, Wales, ….
  bool Tags() {
    if (!IsTag(Peek())) return true;
    while (IsTag(Peek())) AppendUtf8(in_[at_++], &out_);
    if (!Take(kTagEnd)) return false;
    AppendUtf8(kTagEnd, &out_);
    return true;
  }

  const std::vector<char32_t> in_;
  size_t at_ = 0;
  std::string out_;
};

bool IsShortName(std::string_view text) {
  return !text.empty() && text.size() <= kCustomEmojiNameMaxLength &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
                  c == '-';
         });
}

absl::Status Invalid() {
  return ErrorBuilder(v1::ERROR_REASON_INVALID_EMOJI,
                      "emoji: expected one Unicode emoji or a short name such as tada")
      .Field("emoji", "expected one Unicode emoji or a short name such as tada")
      .Build();
}

}  // namespace

std::string_view CustomNameOf(std::string_view normalized) {
  const bool custom =
      normalized.size() > 2 && normalized.front() == ':' && normalized.back() == ':';
  return custom ? normalized.substr(1, normalized.size() - 2) : std::string_view();
}

absl::StatusOr<std::string> CustomEmojiName(std::string_view text) {
  const std::string_view bare = CustomNameOf(text);
  const std::string_view name = bare.empty() ? text : bare;
  const std::string_view why = !IsShortName(name)          ? "expected 1 to 32 of a-z 0-9 _ + -"
                               : IsStandardEmojiName(name) ? "a standard emoji has this name"
                                                           : "";
  if (why.empty()) return std::string(name);
  return ErrorBuilder(v1::ERROR_REASON_INVALID_EMOJI, StrCat("name: ", why))
      .Field("name", why)
      .Build();
}

absl::StatusOr<std::string> NormalizeEmoji(std::string_view text) {
  const std::string_view bare = CustomNameOf(text);
  const std::string_view name = bare.empty() ? text : bare;
  if (IsStandardEmojiName(name)) return std::string(name);
  if (IsShortName(name)) return StrCat(":", name, ":");
  if (!bare.empty()) return Invalid();
  if (text.empty() || text.size() > kEmojiMaxBytes) return Invalid();
  std::vector<char32_t> code_points;
  while (!text.empty()) {
    const std::optional<char32_t> c = TakeCodePoint(text);
    if (!c.has_value()) return Invalid();
    code_points.push_back(*c);
  }
  std::optional<std::string> emoji = EmojiReader(std::move(code_points)).Read();
  if (!emoji.has_value() || emoji->size() > kEmojiMaxBytes) return Invalid();
  return *std::move(emoji);
}

}  // namespace heim
