#include <string>
#include <utility>

#include "gateway/http/http_error.h"
#include "gateway/http/http_rule.h"
#include "server/base/status_macros.h"
#include "server/base/text.h"

namespace heim {
namespace {

// More than a header of the greatest size can hold in earnest.
constexpr size_t kQueryMaxParameters = 1024;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

enum class Plus { kStays, kIsSpace };

absl::StatusOr<std::string> Decode(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return InvalidHttp("the address has a bad percent escape");
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(c == '+' && plus == Plus::kIsSpace ? ' ' : c);
    }
  }
  if (!IsValidUtf8(out)) return InvalidHttp("the address is not valid UTF-8");
  return out;
}

}  // namespace

absl::StatusOr<std::string> PercentDecode(std::string_view text) {
  return Decode(text, Plus::kStays);
}

absl::StatusOr<std::vector<QueryParameter>> ParseQuery(std::string_view query) {
  std::vector<QueryParameter> out;
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (pair.empty()) continue;
    if (out.size() == kQueryMaxParameters) return InvalidHttp("the query has too many parameters");
    const size_t equals = pair.find('=');
    QueryParameter parameter;
    HEIM_ASSIGN_OR_RETURN(parameter.name, Decode(pair.substr(0, equals), Plus::kIsSpace));
    if (equals != std::string_view::npos) {
      HEIM_ASSIGN_OR_RETURN(parameter.value, Decode(pair.substr(equals + 1), Plus::kIsSpace));
    }
    out.push_back(std::move(parameter));
  }
  return out;
}

}  // namespace heim
