#include <string>
#include <vector>

#include "gateway/json/codec.h"
#include "gateway/json/parse_error.h"
#include "gateway/json/plan.h"
#include "gateway/json/scalar.h"
#include "google/protobuf/message.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

using google::protobuf::Message;

bool IsScalarInJson(const FieldPlan& plan) {
  if (plan.kind != FieldKind::kMessage) return true;
  const MessageKind kind = plan.message->kind;
  return kind == MessageKind::kTimestamp || kind == MessageKind::kDuration ||
         kind == MessageKind::kFieldMask;
}

absl::Status StoreAll(const FieldPlan& plan, std::string_view path,
                      absl::Span<const std::string> values, Message* message) {
  const JsonPath here{nullptr, path};
  if (!IsScalarInJson(plan) || plan.map) {
    return BadField(path, "cannot be given in the query; send it in a body");
  }
  if (!plan.repeated) {
    const auto* reflection = message->GetReflection();
    if (values.size() > 1 || reflection->HasField(*message, plan.field)) {
      return BadField(path, "is given more than once");
    }
    if (plan.oneof >= 0 && reflection->HasOneof(*message, plan.field->containing_oneof())) {
      return BadField(path, "is given beside another field that excludes it");
    }
  }
  for (const std::string& value : values) {
    HEIM_RETURN_IF_ERROR(
        StoreScalar({Scalar::Kind::kUntyped, value}, plan, Dialect::kHeim, here, message));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SetQueryParameter(Message* message, std::string_view path,
                               absl::Span<const std::string> values) {
  std::string_view rest = path;
  while (true) {
    const MessagePlan& plan = PlanFor(message->GetDescriptor());
    const size_t dot = rest.find('.');
    const std::string_view name = rest.substr(0, dot);
    const FieldPlan* field = plan.Find(name, plan.fields.size());
    if (field == nullptr) return UnknownField(path, name, &plan);
    if (dot == std::string_view::npos) return StoreAll(*field, path, values, message);
    const bool nested = field->kind == FieldKind::kMessage && !field->repeated && !field->map &&
                        field->message->kind == MessageKind::kPlain;
    if (!nested) return UnknownField(path, rest, nullptr);
    message = message->GetReflection()->MutableMessage(message, field->field);
    rest.remove_prefix(dot + 1);
  }
}

absl::StatusOr<google::protobuf::Struct> MessageToStruct(const Message& message) {
  google::protobuf::Struct out;
  HEIM_RETURN_IF_ERROR(ParseJson(ToJson(message), JsonOptions(), &out));
  return out;
}

absl::Status StructToMessage(const google::protobuf::Struct& value, Message* message) {
  return ParseJson(ToJson(value), JsonOptions(), message);
}

}  // namespace heim
