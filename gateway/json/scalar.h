// From a scalar as JSON or a query parameter has it, to the field of a message. Stateless; any
// thread; never blocks.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "gateway/json/codec.h"
#include "gateway/json/parse_error.h"
#include "gateway/json/plan.h"
#include "google/protobuf/message.h"

namespace heim {

struct Scalar {
  enum class Kind {
    kNumber,   // a literal as written
    kString,   // unescaped
    kBool,     // "true" or "false"
    kUntyped,  // a query parameter: whatever the field takes
  };
  Kind kind;
  std::string_view text;
};

// Sets the field, or appends to it when it is repeated. Messages that are one scalar in JSON
// (times, durations, masks) are taken too. INVALID_ARGUMENT says what was expected.
absl::Status StoreScalar(const Scalar& scalar, const FieldPlan& plan, Dialect dialect,
                         const JsonPath& path, google::protobuf::Message* message);

// The same for a message that is one scalar in JSON.
absl::Status StoreScalarMessage(const Scalar& scalar, const MessagePlan& plan, const JsonPath& path,
                                google::protobuf::Message* message);

// What a field takes, to complete "must be ": "a string", "one of human, agent, system".
std::string Expected(const FieldPlan& plan);
std::string Expected(const MessagePlan& plan);

}  // namespace heim
