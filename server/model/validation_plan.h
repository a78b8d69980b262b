// ValidationPlan is what Validate has to look at in one type of message, worked out once from its
// descriptor. Made at the first use, kept for the process. Immutable then; thread-safe; making one
// waits for others that are being made.
#pragma once

#include <string_view>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "heim/v1/options.pb.h"

namespace heim {

enum class TextFormat { kNone, kId, kSlug, kUsername, kUri, kEmoji, kCursor, kKey, kEmail, kLink };

// Whether it is the name of a format; the empty name is none.
bool IsTextFormat(std::string_view name);

class ValidationPlan {
 public:
  enum class Kind {
    kText,
    kBytes,
    kEnum,
    kNumber,
    kStruct,
    kValue,
    kTimestamp,
    kDuration,
    kMessage
  };

  struct Field {
    const google::protobuf::FieldDescriptor* descriptor = nullptr;
    const v1::FieldRules* rules = nullptr;  // never null; lives in the descriptor
    Kind kind = Kind::kNumber;
    TextFormat format = TextFormat::kNone;
    int max_depth = 0;                    // of kStruct and kValue
    const ValidationPlan* sub = nullptr;  // of kMessage
  };

  static const ValidationPlan& For(const google::protobuf::Descriptor* type);

  // Only fields that can be wrong.
  const std::vector<Field>& fields() const { return fields_; }

 private:
  friend class PlanCache;
  std::vector<Field> fields_;
};

}  // namespace heim
