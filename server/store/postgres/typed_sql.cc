#include "server/store/postgres/typed_sql.h"

#include <variant>

#include "server/base/check.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr char kLetters[] = {'n', 'i', 'r', 't', 'b'};  // by the index in SqlValue

std::string_view CastOf(char type) {
  switch (type) {
    case 'i':
      return "::bigint";
    case 'r':
      return "::double precision";
    case 't':
      return "::text";
    case 'b':
      return "::bytea";
    default:
      return "";
  }
}

// Whether something is written in the course of a query that begins with WITH.
bool WritesInside(std::string_view sql) {
  for (const std::string_view word : {"INSERT ", "UPDATE ", "DELETE "}) {
    if (sql.find(word) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

SqlKind KindOf(std::string_view sql) {
  if (StartsWith(sql, "SELECT")) return SqlKind::kRead;
  if (StartsWith(sql, "WITH")) return WritesInside(sql) ? SqlKind::kWrite : SqlKind::kRead;
  for (const std::string_view word : {"INSERT", "UPDATE", "DELETE"}) {
    if (StartsWith(sql, word)) return SqlKind::kWrite;
  }
  return SqlKind::kCommand;
}

std::string TypesOf(absl::Span<const SqlValue> parameters) {
  std::string types;
  types.reserve(parameters.size());
  for (const SqlValue& value : parameters) types += kLetters[value.index()];
  return types;
}

std::string WithTypes(std::string_view sql, std::string_view types) {
  std::string typed;
  typed.reserve(sql.size() + 8 * types.size());
  char quote = 0;
  for (size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    typed += c;
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '$') {
      size_t number = 0;
      while (i + 1 < sql.size() && sql[i + 1] >= '0' && sql[i + 1] <= '9') {
        typed += sql[++i];
        number = number * 10 + static_cast<size_t>(sql[i] - '0');
      }
      HEIM_CHECK(number >= 1 && number <= types.size());
      typed += CastOf(types[number - 1]);
    }
  }
  return typed;
}

}  // namespace heim
