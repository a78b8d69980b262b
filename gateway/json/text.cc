#include "gateway/json/text.h"

#include <charconv>
#include <cstring>

#include "server/base/crypto.h"

namespace heim {
namespace {

constexpr char kHex[] = "0123456789abcdef";

bool NeedsEscape(unsigned char c) { return c < 0x20 || c == '"' || c == '\\'; }

// Whether one of eight bytes needs an escape; may err towards yes next to a byte that does.
bool AnyNeedsEscape(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101ull;
  constexpr uint64_t kHighs = 0x8080808080808080ull;
  const uint64_t quote = word ^ (kOnes * '"');
  const uint64_t backslash = word ^ (kOnes * '\\');
  const uint64_t control = (word - kOnes * 0x20) & ~word;
  return ((((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash) | control) & kHighs) !=
         0;
}

void AppendEscape(unsigned char c, std::string* out) {
  switch (c) {
    case '"':
      out->append("\\\"");
      return;
    case '\\':
      out->append("\\\\");
      return;
    case '\n':
      out->append("\\n");
      return;
    case '\r':
      out->append("\\r");
      return;
    case '\t':
      out->append("\\t");
      return;
    default: {
      const char code[] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
      out->append(code, sizeof(code));
    }
  }
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Four hex digits at the front of `text`, or -1.
int HexUnit(std::string_view text) {
  if (text.size() < 4) return -1;
  int unit = 0;
  for (size_t i = 0; i < 4; ++i) {
    const int digit = HexDigit(text[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

void AppendUtf8(uint32_t code_point, std::string* out) {
  const auto push = [&](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    push(code_point);
  } else if (code_point < 0x800) {
    push(0xC0 | code_point >> 6);
    push(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    push(0xE0 | code_point >> 12);
    push(0x80 | (code_point >> 6 & 0x3F));
    push(0x80 | (code_point & 0x3F));
  } else {
    push(0xF0 | code_point >> 18);
    push(0x80 | (code_point >> 12 & 0x3F));
    push(0x80 | (code_point >> 6 & 0x3F));
    push(0x80 | (code_point & 0x3F));
  }
}

// Reads what follows "\u" and removes it from `rest`; false for bad digits and lone surrogates.
bool TakeUnicodeEscape(std::string_view& rest, std::string* out) {
  const int unit = HexUnit(rest);
  if (unit < 0 || (unit >= 0xDC00 && unit <= 0xDFFF)) return false;
  rest.remove_prefix(4);
  if (unit < 0xD800 || unit > 0xDBFF) {
    AppendUtf8(static_cast<uint32_t>(unit), out);
    return true;
  }
  if (rest.substr(0, 2) != "\\u") return false;
  const int low = HexUnit(rest.substr(2));
  if (low < 0xDC00 || low > 0xDFFF) return false;
  rest.remove_prefix(6);
  AppendUtf8(0x10000u + ((static_cast<uint32_t>(unit) - 0xD800u) << 10) +
                 (static_cast<uint32_t>(low) - 0xDC00u),
             out);
  return true;
}

char SimpleEscape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

template <typename T>
void AppendChars(T value, std::string* out) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  out->append(buffer, static_cast<size_t>(end - buffer));
}

bool IsMaskChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.';
}

}  // namespace

void AppendQuoted(std::string_view text, std::string* out) {
  out->push_back('"');
  size_t done = 0;
  size_t i = 0;
  while (i < text.size()) {
    if (text.size() - i >= sizeof(uint64_t)) {
      uint64_t word;
      std::memcpy(&word, text.data() + i, sizeof(word));
      if (!AnyNeedsEscape(word)) {
        i += sizeof(word);
        continue;
      }
    }
    const auto c = static_cast<unsigned char>(text[i]);
    if (NeedsEscape(c)) {
      out->append(text.data() + done, i - done);
      AppendEscape(c, out);
      done = i + 1;
    }
    ++i;
  }
  out->append(text.data() + done, text.size() - done);
  out->push_back('"');
}

std::optional<std::string> Unescape(std::string_view body) {
  std::string out;
  out.reserve(body.size());
  while (!body.empty()) {
    const size_t plain = body.find('\\');
    out.append(body.substr(0, plain));
    if (plain == std::string_view::npos) break;
    body.remove_prefix(plain + 1);
    if (body.empty()) return std::nullopt;
    const char kind = body.front();
    body.remove_prefix(1);
    if (kind == 'u') {
      if (!TakeUnicodeEscape(body, &out)) return std::nullopt;
    } else if (const char c = SimpleEscape(kind); c != 0) {
      out.push_back(c);
    } else {
      return std::nullopt;
    }
  }
  return out;
}

void AppendInteger(int64_t value, std::string* out) { AppendChars(value, out); }
void AppendUnsigned(uint64_t value, std::string* out) { AppendChars(value, out); }
void AppendDouble(double value, std::string* out) { AppendChars(value, out); }
void AppendFloat(float value, std::string* out) { AppendChars(value, out); }

std::string JoinMask(const google::protobuf::FieldMask& mask, bool camel) {
  std::string out;
  for (const std::string& path : mask.paths()) {
    if (!out.empty()) out.push_back(',');
    bool upper = false;
    for (const char c : path) {
      if (camel && c == '_') {
        upper = true;
      } else {
        out.push_back(upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
        upper = false;
      }
    }
  }
  return out;
}

std::optional<google::protobuf::FieldMask> SplitMask(std::string_view text) {
  google::protobuf::FieldMask mask;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const std::string_view path = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    if (path.empty() || (text.empty() && comma != std::string_view::npos)) return std::nullopt;
    std::string* out = mask.add_paths();
    for (const char c : path) {
      if (!IsMaskChar(c)) return std::nullopt;
      if (c >= 'A' && c <= 'Z') {
        out->push_back('_');
        out->push_back(static_cast<char>(c - 'A' + 'a'));
      } else {
        out->push_back(c);
      }
    }
  }
  return mask;
}

std::optional<std::string> ParseBase64(std::string_view text) {
  if (auto bytes = Base64Decode(text)) return bytes;
  return Base64UrlDecode(text);
}

}  // namespace heim
