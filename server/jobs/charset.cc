#include "server/jobs/charset.h"

#include <iconv.h>

#include <array>
#include <cerrno>

#include "server/base/strings.h"
#include "server/base/text.h"

namespace heim {
namespace {

constexpr std::string_view kDamaged = "\xEF\xBF\xBD";

// What pages call it, and what iconv does. Browsers read Latin 1 as windows-1252, too.
struct Encoding {
  std::string_view name;
  const char* iconv_name;
};
constexpr Encoding kEncodings[] = {
    {"iso-8859-1", "CP1252"},       {"latin1", "CP1252"},
    {"windows-1252", "CP1252"},     {"cp1252", "CP1252"},
    {"us-ascii", "CP1252"},         {"iso-8859-2", "ISO-8859-2"},
    {"iso-8859-15", "ISO-8859-15"}, {"windows-1250", "CP1250"},
    {"windows-1251", "CP1251"},     {"koi8-r", "KOI8-R"},
    {"windows-1253", "CP1253"},     {"windows-1254", "CP1254"},
    {"windows-1255", "CP1255"},     {"windows-1256", "CP1256"},
    {"shift_jis", "SHIFT_JIS"},     {"sjis", "SHIFT_JIS"},
    {"x-sjis", "SHIFT_JIS"},        {"euc-jp", "EUC-JP"},
    {"gb2312", "GB18030"},          {"gbk", "GB18030"},
    {"gb18030", "GB18030"},         {"big5", "BIG5"},
    {"euc-kr", "EUC-KR"},           {"utf-16", "UTF-16LE"},
    {"utf-16le", "UTF-16LE"},       {"utf-16be", "UTF-16BE"},
};

const char* IconvNameOf(std::string_view charset) {
  for (const Encoding& encoding : kEncodings) {
    if (EqualsIgnoreCase(encoding.name, charset)) return encoding.iconv_name;
  }
  return nullptr;
}

std::string ValidUtf8(std::string_view text) {
  if (IsValidUtf8(text)) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const std::string_view before = text;
    const bool valid = TakeCodePoint(text).has_value();
    out.append(valid ? before.substr(0, before.size() - text.size()) : kDamaged);
  }
  return out;
}

class Converter {
 public:
  explicit Converter(const char* from) : handle_(iconv_open("UTF-8", from)) {}
  ~Converter() {
    if (known()) iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  bool known() const { return handle_ != reinterpret_cast<iconv_t>(-1); }

  std::string Convert(std::string_view text) {
    std::string in(text);
    std::string out;
    char* at = in.data();
    size_t left = in.size();
    std::array<char, 4096> piece{};
    while (left > 0) {
      char* to = piece.data();
      size_t room = piece.size();
      const size_t before = left;
      const size_t result = iconv(handle_, &at, &left, &to, &room);
      out.append(piece.data(), piece.size() - room);
      if (result != static_cast<size_t>(-1)) break;
      if (errno == E2BIG && (room < piece.size() || left < before)) continue;
      out.append(kDamaged);
      if (errno != EILSEQ) break;
      ++at;
      --left;
    }
    return out;
  }

 private:
  const iconv_t handle_;
};

}  // namespace

std::string ToUtf8(std::string_view text, std::string_view charset) {
  if (StartsWith(text, "\xEF\xBB\xBF")) return ValidUtf8(text.substr(3));
  if (StartsWith(text, "\xFF\xFE")) charset = "utf-16le";
  if (StartsWith(text, "\xFE\xFF")) charset = "utf-16be";
  const char* const name = IconvNameOf(charset);
  if (name == nullptr) return ValidUtf8(text);
  Converter converter(name);
  // Not installed here.
  if (!converter.known()) return ValidUtf8(text);
  return ValidUtf8(converter.Convert(text));
}

}  // namespace heim
