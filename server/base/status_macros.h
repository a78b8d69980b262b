// Early return on absl::Status and absl::StatusOr errors. The two ways an error moves up a
// function. Used everywhere; no state, any thread, never blocks.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace heim::status_internal {

inline absl::Status ToStatus(absl::Status status) { return status; }

template <typename T>
absl::Status ToStatus(const absl::StatusOr<T>& result) {
  return result.status();
}

}  // namespace heim::status_internal

#define HEIM_STATUS_CONCAT_INNER(a, b) a##b
#define HEIM_STATUS_CONCAT(a, b) HEIM_STATUS_CONCAT_INNER(a, b)

// Drops one pair of parentheses, so that `(std::map<int, int> m)` may be the left-hand side.
#define HEIM_STATUS_STRIP(x) HEIM_STATUS_STRIP_GLUE(HEIM_STATUS_ESC x)
#define HEIM_STATUS_STRIP_GLUE(...) HEIM_STATUS_STRIP_PASTE(__VA_ARGS__)
#define HEIM_STATUS_STRIP_PASTE(...) HEIM_STATUS_VAN##__VA_ARGS__
#define HEIM_STATUS_ESC(...) HEIM_STATUS_ESC __VA_ARGS__
#define HEIM_STATUS_VANHEIM_STATUS_ESC

// Returns from the enclosing function when the expression (a Status or StatusOr) is an error. Works
// in functions that return Status or StatusOr<T>.
#define HEIM_RETURN_IF_ERROR(...) \
  HEIM_RETURN_IF_ERROR_IMPL(HEIM_STATUS_CONCAT(heim_status_, __COUNTER__), (__VA_ARGS__))

#define HEIM_RETURN_IF_ERROR_IMPL(result, expr)                                         \
  do {                                                                                  \
    if (auto&& result = expr; !result.ok()) {                                           \
      return ::heim::status_internal::ToStatus(std::forward<decltype(result)>(result)); \
    }                                                                                   \
  } while (false)

// HEIM_ASSIGN_OR_RETURN(auto x, Make()) or HEIM_ASSIGN_OR_RETURN(existing, Make()). A left-hand
// side with a comma goes in parentheses as a whole; the expression may hold commas as it is.
#define HEIM_ASSIGN_OR_RETURN(lhs, ...) \
  HEIM_ASSIGN_OR_RETURN_IMPL(HEIM_STATUS_CONCAT(heim_status_or_, __COUNTER__), lhs, (__VA_ARGS__))

#define HEIM_ASSIGN_OR_RETURN_IMPL(result, lhs, expr) \
  auto result = expr;                                 \
  if (!result.ok()) {                                 \
    return ::heim::status_internal::ToStatus(result); \
  }                                                   \
  HEIM_STATUS_STRIP(lhs) = *std::move(result)
