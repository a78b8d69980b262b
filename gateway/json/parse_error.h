// What can be wrong with JSON input, as statuses with a reason: the wording in one place. Pure
// functions; any thread; never block.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "gateway/json/plan.h"

namespace heim {

// Where in a message the reader is: a list on its own stack, turned to text only for an error.
struct JsonPath {
  const JsonPath* parent = nullptr;
  std::string_view name;
  int index = -1;

  // "parts[2].tool_call.name"
  std::string ToString() const;
};

// INVALID_JSON.
absl::Status MalformedJson(std::string_view what, size_t offset);
absl::Status DuplicateKey(std::string_view path);

// UNKNOWN_FIELD; names the nearest field of `plan`, or none for a null plan.
absl::Status UnknownField(std::string_view path, std::string_view key, const MessagePlan* plan);

// The same with names that are no fields; an empty `nearest` is not offered.
absl::Status UnknownName(std::string_view path, std::string_view nearest);

// Whether it is one of the two above.
bool IsUnknownField(const absl::Status& status);

// UNKNOWN_TYPE of a frame without type, or with one that is not known.
absl::Status UnknownType(std::string_view type, std::string_view nearest);

// INVALID_ARGUMENT: `expected` completes "must be ".
absl::Status BadValue(std::string_view path, std::string_view expected);
// INVALID_ARGUMENT with a sentence of its own.
absl::Status BadField(std::string_view path, std::string_view description);

}  // namespace heim
