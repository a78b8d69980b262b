#include "gateway/json/token.h"

#include "gateway/json/text.h"

namespace heim {

std::string_view TokenOf(simdjson::ondemand::value& value) {
  std::string_view token = value.raw_json_token();
  while (!token.empty() && (token.back() == ' ' || token.back() == '\n' || token.back() == '\r' ||
                            token.back() == '\t')) {
    token.remove_suffix(1);
  }
  return token;
}

std::string_view StringBody(const char* begin) {
  const char* end = begin;
  while (*end != '"') end += *end == '\\' ? 2 : 1;
  return {begin, static_cast<size_t>(end - begin)};
}

std::optional<std::string_view> KeyText(std::string_view body, std::string* storage) {
  if (body.find('\\') == std::string_view::npos) return body;
  auto text = Unescape(body);
  if (!text) return std::nullopt;
  *storage = *std::move(text);
  return *storage;
}

std::optional<Scalar> ReadScalar(simdjson::ondemand::value& value, std::string_view token,
                                 std::string* storage) {
  if (token.empty()) return std::nullopt;
  if (token.front() == '"') {
    simdjson::ondemand::raw_json_string raw;
    if (value.get_raw_json_string().get(raw) != simdjson::SUCCESS) return std::nullopt;
    if (token.size() < 2 || token.back() != '"') return std::nullopt;
    const auto text = KeyText(token.substr(1, token.size() - 2), storage);
    if (!text) return std::nullopt;
    return Scalar{Scalar::Kind::kString, *text};
  }
  if (token == "true" || token == "false") return Scalar{Scalar::Kind::kBool, token};
  if (IsNumber(token)) return Scalar{Scalar::Kind::kNumber, token};
  return std::nullopt;
}

bool AtEnd(simdjson::ondemand::document& document) {
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS;
}

std::string_view Describe(simdjson::error_code error) {
  switch (error) {
    case simdjson::UTF8_ERROR:
      return "the text is not valid UTF-8";
    case simdjson::UNCLOSED_STRING:
      return "a string is not closed";
    case simdjson::UNESCAPED_CHARS:
      return "a string holds a control character that is not escaped";
    case simdjson::EMPTY:
      return "there is no JSON object";
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
      return "an object or list is not closed, or text follows it";
    case simdjson::CAPACITY:
    case simdjson::MEMALLOC:
      return "the text is too long";
    default:
      return "the text is not well-formed";
  }
}

}  // namespace heim
