#include "server/transfer/chats/chat_names.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/statusor.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/base/unicode.h"
#include "server/model/emoji.h"
#include "server/model/limits.h"
#include "server/model/people_limits.h"
#include "server/model/validate.h"

namespace heim {
namespace {

constexpr size_t kFileNameMaxBytes = 255;

bool IsAlnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// Lower case; what is neither letter, digit nor in `kept` becomes one '-'.
std::string Reduced(std::string_view text, std::string_view kept) {
  std::string out;
  for (const char c : AsciiLower(text)) {
    if (IsAlnum(c) || kept.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else if (!out.empty() && out.back() != '-') {
      out.push_back('-');
    }
  }
  return out;
}

std::string_view Trimmed(std::string_view text, std::string_view off) {
  const size_t begin = text.find_first_not_of(off);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(off) - begin + 1);
}

std::string WithUnderscores(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '-', '_');
  return out;
}

// "flag-de": the two letters as regional indicators.
std::string FlagOfCountry(std::string_view letters) {
  std::string flag;
  for (const char c : letters) {
    if (c < 'a' || c > 'z') return "";
    flag += "\xF0\x9F\x87";
    flag.push_back(static_cast<char>(0xA6 + (c - 'a')));
  }
  return flag;
}

constexpr std::string_view kSlackTone = "::skin-tone-";
constexpr std::array<std::string_view, 5> kTones = {"_medium_light_skin_tone",
                                                    "_medium_dark_skin_tone", "_light_skin_tone",
                                                    "_dark_skin_tone", "_medium_skin_tone"};

std::string_view WithoutSkinTone(std::string_view name) {
  if (const size_t at = name.find(kSlackTone); at != std::string_view::npos) {
    return name.substr(0, at);
  }
  for (const std::string_view tone : kTones) {
    if (EndsWith(name, tone)) return name.substr(0, name.size() - tone.size());
  }
  return name;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kAliases = {{
    {"thumbsup_all", "+1"},
    {"simple_smile", "slightly_smiling_face"},
    {"facepunch", "fist_oncoming"},
    {"hankey", "poop"},
    {"reversed_hand_with_middle_finger_extended", "middle_finger"},
    {"face_with_rolling_eyes", "roll_eyes"},
}};

// The standard short name that a name of another chat stands for; empty: none.
std::string StandardName(std::string_view name) {
  if (IsStandardEmojiName(name)) return std::string(name);
  std::string plain = WithUnderscores(name);
  if (IsStandardEmojiName(plain)) return plain;
  for (const auto& [theirs, ours] : kAliases) {
    if (name == theirs && IsStandardEmojiName(ours)) return std::string(ours);
  }
  if (StartsWith(plain, "male_")) plain = StrCat("man_", plain.substr(5));
  if (StartsWith(plain, "female_")) plain = StrCat("woman_", plain.substr(7));
  return IsStandardEmojiName(plain) ? plain : "";
}

}  // namespace

std::string UsernameLike(std::string_view text) {
  std::string name(Trimmed(Reduced(NormalizeNfc(text), "._-"), "._-"));
  if (name.size() > kUsernameMaxLength) {
    name = Trimmed(std::string_view(name).substr(0, kUsernameMaxLength), "._-");
  }
  if (name.size() == 1) name += "-1";
  if (IsReservedUsername(name)) {
    name = StrCat(std::string_view(name).substr(0, kUsernameMaxLength - 5), "-user");
  }
  return IsUsername(name) ? name : "";
}

std::string SlugLike(std::string_view text) {
  std::string name(Trimmed(Reduced(NormalizeNfc(text), "_-"), "_-"));
  name.resize(std::min(name.size(), kSlugMaxLength));
  return IsSlug(name) ? name : "";
}

bool HasSkinTone(std::string_view name) { return WithoutSkinTone(name).size() != name.size(); }

std::string ReactionLike(std::string_view name) {
  const std::string_view plain = WithoutSkinTone(name);
  if (std::string standard = StandardName(plain); !standard.empty()) return standard;
  if (plain.size() == 7 && StartsWith(plain, "flag-")) {
    if (std::string flag = FlagOfCountry(plain.substr(5)); !flag.empty()) return flag;
  }
  if (const std::string custom = CustomEmojiLike(plain); !custom.empty()) {
    return StrCat(":", custom, ":");
  }
  const absl::StatusOr<std::string> emoji = NormalizeEmoji(plain);
  return emoji.ok() ? *emoji : "";
}

std::string CustomEmojiLike(std::string_view name) {
  const absl::StatusOr<std::string> custom = CustomEmojiName(AsciiLower(name));
  return custom.ok() ? *custom : "";
}

std::string Clipped(std::string_view text, size_t max) {
  std::string_view rest = text;
  size_t count = 0;
  while (!rest.empty() && count < max) {
    TakeCodePoint(rest);
    ++count;
  }
  return std::string(text.substr(0, text.size() - rest.size()));
}

std::string PlainName(std::string_view text, size_t max) {
  return std::string(
      Trimmed(Clipped(Trimmed(NormalizeNfc(StripUnsafeControls(text)), " "), max), " "));
}

std::string FileNameLike(std::string_view text) {
  if (const size_t slash = text.find_last_of("/\\"); slash != std::string_view::npos) {
    text = text.substr(slash + 1);
  }
  const std::string safe = StripUnsafeControls(text);
  const std::string_view name = Trimmed(Utf8Prefix(safe, kFileNameMaxBytes), " ");
  return name.empty() || name == "." || name == ".." ? "file" : std::string(name);
}

std::string UniqueNames::Take(std::string_view wanted) {
  std::string name(wanted.substr(0, max_bytes_));
  uint32_t& number = last_number_[name];
  std::string candidate = name;
  while (!taken_.insert(candidate).second) {
    number = number == 0 ? 2 : number + 1;
    const std::string suffix = StrCat("-", number);
    candidate = name.substr(0, max_bytes_ - suffix.size()) + suffix;
  }
  return candidate;
}

}  // namespace heim
