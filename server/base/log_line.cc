// Makes one line of the log: redacts, cuts and escapes what came from outside.
#include <cmath>
#include <cstdint>

#include "absl/strings/str_format.h"
#include "server/base/log.h"
#include "server/base/strings.h"
#include "server/base/text.h"

namespace heim {
namespace {

constexpr size_t kValueMaxBytes = 2048;
// Redaction is not asked to read more than this of a value that is cut anyway.
constexpr size_t kValueReadMaxBytes = 16 * 1024;
constexpr std::string_view kCutMark = "...";

std::string_view LevelName(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

std::string Prepare(std::string_view value) {
  std::string text = RedactSecrets(Utf8Prefix(value, kValueReadMaxBytes));
  if (text.size() > kValueMaxBytes) {
    text = StrCat(Utf8Prefix(text, kValueMaxBytes), kCutMark);
  }
  return text;
}

// Keys are constants in the code; a wrong one must not break the line either.
std::string SafeKey(std::string_view key) {
  std::string out(key);
  for (char& c : out) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '_' || c == '.' || c == '-';
    if (!ok) c = '_';
  }
  return out;
}

void AppendJsonEscape(char32_t code_point, std::string& out) {
  if (code_point < 0x10000) {
    absl::StrAppendFormat(&out, "\\u%04x", static_cast<uint32_t>(code_point));
    return;
  }
  const auto offset = static_cast<uint32_t>(code_point - 0x10000);
  absl::StrAppendFormat(&out, "\\u%04x\\u%04x", 0xD800 + (offset >> 10), 0xDC00 + (offset & 0x3FF));
}

// The inside of a quoted string, the same for both formats but for the rare characters.
std::string Escape(std::string_view text, LogFormat format) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::string_view rest = text;
    const std::optional<char32_t> code_point = TakeCodePoint(text);
    if (!code_point.has_value()) {
      const auto byte = static_cast<unsigned char>(rest.front());
      out.append(format == LogFormat::kJson ? "\\\\x" : "\\x");
      absl::StrAppendFormat(&out, "%02x", byte);
    } else if (*code_point == '"' || *code_point == '\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(*code_point));
    } else if (*code_point == '\n') {
      out.append("\\n");
    } else if (*code_point == '\r') {
      out.append("\\r");
    } else if (*code_point == '\t') {
      out.append("\\t");
    } else if (IsSafeCodePoint(*code_point)) {
      out.append(rest.substr(0, rest.size() - text.size()));
    } else if (format == LogFormat::kJson) {
      AppendJsonEscape(*code_point, out);
    } else {
      absl::StrAppendFormat(&out, "\\u{%x}", static_cast<uint32_t>(*code_point));
    }
  }
  return out;
}

std::string Quoted(std::string_view text, LogFormat format) {
  return StrCat("\"", Escape(text, format), "\"");
}

bool NeedsQuotes(std::string_view escaped) {
  return escaped.empty() || escaped.find_first_of(" =\"\\[]") != std::string_view::npos;
}

std::string TextValue(std::string_view value, LogFormat format) {
  const std::string text = Prepare(value);
  if (format == LogFormat::kJson) return Quoted(text, format);
  std::string escaped = Escape(text, format);
  return NeedsQuotes(escaped) ? StrCat("\"", escaped, "\"") : escaped;
}

std::string Value(const LogField& field, LogFormat format) {
  switch (field.kind()) {
    case LogField::Kind::kText:
      return TextValue(field.text(), format);
    case LogField::Kind::kInt:
      return StrCat(field.int_value());
    case LogField::Kind::kUint:
      return StrCat(field.uint_value());
    case LogField::Kind::kBool:
      return field.bool_value() ? "true" : "false";
    case LogField::Kind::kDouble:
      // JSON has no word for infinity and not-a-number.
      return std::isfinite(field.double_value()) ? StrCat(field.double_value())
                                                 : TextValue(StrCat(field.double_value()), format);
  }
  return "\"\"";
}

}  // namespace

std::string FormatLogLine(LogFormat format, LogLevel level, absl::Time time,
                          std::string_view sentence, LogFields fields) {
  const std::string when = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
  const std::string words = Escape(Prepare(sentence), format);
  const std::string& request_id = CurrentRequestId();
  std::string line;
  if (format == LogFormat::kJson) {
    line = StrCat("{\"time\":\"", when, "\",\"level\":\"", LevelName(level), "\",\"message\":\"",
                  words, "\"");
    if (!request_id.empty()) {
      StrAppend(&line, ",\"request_id\":", TextValue(request_id, format));
    }
    for (const LogField& field : fields) {
      StrAppend(&line, ",\"", SafeKey(field.key()), "\":", Value(field, format));
    }
    line.push_back('}');
    return line;
  }
  line = absl::StrFormat("%s %-5s %s", when, LevelName(level), words);
  if (!request_id.empty()) {
    StrAppend(&line, " request_id=", TextValue(request_id, format));
  }
  for (const LogField& field : fields) {
    StrAppend(&line, " ", SafeKey(field.key()), "=", Value(field, format));
  }
  return line;
}

}  // namespace heim
