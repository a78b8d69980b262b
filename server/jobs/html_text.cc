// Character references of HTML.
#include <algorithm>
#include <cstdint>

#include "server/base/strings.h"
#include "server/jobs/page_head.h"

namespace heim {
namespace {

struct Named {
  std::string_view name;
  std::string_view text;
};

// Those that titles have; the rest stays as written.
constexpr Named kNamed[] = {
    {"amp", "&"},    {"lt", "<"},     {"gt", ">"},     {"quot", "\""},  {"apos", "'"},
    {"nbsp", " "},   {"ndash", "–"},  {"mdash", "—"},  {"hellip", "…"}, {"lsquo", "‘"},
    {"rsquo", "’"},  {"sbquo", "‚"},  {"ldquo", "“"},  {"rdquo", "”"},  {"bdquo", "„"},
    {"laquo", "«"},  {"raquo", "»"},  {"lsaquo", "‹"}, {"rsaquo", "›"}, {"bull", "•"},
    {"middot", "·"}, {"copy", "©"},   {"reg", "®"},    {"trade", "™"},  {"deg", "°"},
    {"euro", "€"},   {"pound", "£"},  {"times", "×"},  {"para", "¶"},   {"sect", "§"},
    {"auml", "ä"},   {"ouml", "ö"},   {"uuml", "ü"},   {"Auml", "Ä"},   {"Ouml", "Ö"},
    {"Uuml", "Ü"},   {"szlig", "ß"},  {"eacute", "é"}, {"egrave", "è"}, {"ecirc", "ê"},
    {"agrave", "à"}, {"aacute", "á"}, {"acirc", "â"},  {"aring", "å"},  {"ccedil", "ç"},
    {"ntilde", "ñ"}, {"oacute", "ó"}, {"ocirc", "ô"},  {"uacute", "ú"}, {"iacute", "í"},
    {"oslash", "ø"}, {"aelig", "æ"},  {"Eacute", "É"}, {"iexcl", "¡"},  {"iquest", "¿"},
    {"rarr", "→"},   {"larr", "←"},
};
constexpr size_t kReferenceMaxBytes = 12;

void AppendUtf8(uint32_t c, std::string* out) {
  const auto put = [out](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) {
    put(0xC0 | c >> 6);
  } else {
    if (c < 0x10000) {
      put(0xE0 | c >> 12);
    } else {
      put(0xF0 | c >> 18);
      put(0x80 | (c >> 12 & 0x3F));
    }
    put(0x80 | (c >> 6 & 0x3F));
  }
  put(0x80 | (c & 0x3F));
}

// "#38" or "#x26". False for what is no character.
bool AppendNumber(std::string_view digits, std::string* out) {
  digits.remove_prefix(1);
  const bool hex = !digits.empty() && (digits.front() == 'x' || digits.front() == 'X');
  if (hex) digits.remove_prefix(1);
  if (digits.empty() || digits.size() > 7) return false;
  uint32_t value = 0;
  for (const char c : digits) {
    uint32_t digit = 16;
    if (c >= '0' && c <= '9') digit = static_cast<uint32_t>(c - '0');
    if (c >= 'a' && c <= 'f') digit = static_cast<uint32_t>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') digit = static_cast<uint32_t>(c - 'A' + 10);
    if (digit >= (hex ? 16u : 10u)) return false;
    value = value * (hex ? 16 : 10) + digit;
  }
  if (value == 0 || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return false;
  AppendUtf8(value, out);
  return true;
}

bool AppendReference(std::string_view name, std::string* out) {
  if (name.empty()) return false;
  if (name.front() == '#') return AppendNumber(name, out);
  const auto* const found = std::find_if(std::begin(kNamed), std::end(kNamed),
                                         [&](const Named& named) { return named.name == name; });
  if (found == std::end(kNamed)) return false;
  out->append(found->text);
  return true;
}

}  // namespace

std::string HtmlText(std::string_view source) {
  std::string out;
  while (!source.empty()) {
    const size_t amp = std::min(source.find('&'), source.size());
    out.append(source.substr(0, amp));
    source.remove_prefix(amp);
    if (source.empty()) break;
    const size_t end = source.substr(0, kReferenceMaxBytes).find(';');
    if (end != std::string_view::npos && AppendReference(source.substr(1, end - 1), &out)) {
      source.remove_prefix(end + 1);
    } else {
      out.push_back('&');
      source.remove_prefix(1);
    }
  }
  return out;
}

}  // namespace heim
