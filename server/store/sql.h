// SqlSession is one database connection inside a transaction: what repositories see of a driver.
// SQL is written once, for SQLite 3.40 and PostgreSQL 15 alike ($1 parameters, ON CONFLICT,
// RETURNING, CTEs). Owned by a driver; lent to repositories for the length of a transaction. Used
// by one thread at a time. Calls block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace heim {

// Bytes marks a parameter as a blob instead of text.
struct Bytes {
  std::string_view value;
};

// SqlValue is a parameter: null, integer, real, text or blob. Text and blobs are borrowed for the
// call.
using SqlValue = std::variant<std::nullptr_t, int64_t, double, std::string_view, Bytes>;

// SqlRow is the current row of a result; views are valid until the row callback returns.
class SqlRow {
 public:
  virtual ~SqlRow() = default;
  virtual bool IsNull(int column) const = 0;
  virtual int64_t Int(int column) const = 0;
  virtual double Real(int column) const = 0;
  virtual std::string_view Text(int column) const = 0;
  virtual std::string_view Blob(int column) const = 0;
};

class SqlSession {
 public:
  virtual ~SqlSession() = default;

  // Runs a statement and hands each row to `on_row`, which may stop it with an error.
  // Errors: ALREADY_EXISTS for a unique violation (message names the constraint or columns),
  // FAILED_PRECONDITION for another constraint, UNAVAILABLE when the database cannot be reached or
  // is locked, INTERNAL otherwise.
  virtual absl::Status Query(std::string_view sql, absl::Span<const SqlValue> parameters,
                             absl::FunctionRef<absl::Status(const SqlRow&)> on_row) = 0;

  // Runs a statement without result; answers the number of rows changed. Errors as for Query.
  virtual absl::StatusOr<int64_t> Execute(std::string_view sql,
                                          absl::Span<const SqlValue> parameters) = 0;
};

}  // namespace heim
