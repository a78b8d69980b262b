#include "gateway/json/scalar.h"

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "gateway/json/text.h"

namespace heim {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Where a converted value goes: into the field, or to its end.
class Target {
 public:
  Target(const FieldPlan& plan, Message* message)
      : plan_(plan), message_(message), reflection_(*message->GetReflection()) {}

  void Put(bool value) {
    plan_.repeated ? reflection_.AddBool(message_, plan_.field, value)
                   : reflection_.SetBool(message_, plan_.field, value);
  }
  void Put(int32_t value) {
    plan_.repeated ? reflection_.AddInt32(message_, plan_.field, value)
                   : reflection_.SetInt32(message_, plan_.field, value);
  }
  void Put(uint32_t value) {
    plan_.repeated ? reflection_.AddUInt32(message_, plan_.field, value)
                   : reflection_.SetUInt32(message_, plan_.field, value);
  }
  void Put(int64_t value) {
    plan_.repeated ? reflection_.AddInt64(message_, plan_.field, value)
                   : reflection_.SetInt64(message_, plan_.field, value);
  }
  void Put(uint64_t value) {
    plan_.repeated ? reflection_.AddUInt64(message_, plan_.field, value)
                   : reflection_.SetUInt64(message_, plan_.field, value);
  }
  void Put(double value) {
    if (plan_.kind == FieldKind::kFloat) {
      const auto narrow = static_cast<float>(value);
      plan_.repeated ? reflection_.AddFloat(message_, plan_.field, narrow)
                     : reflection_.SetFloat(message_, plan_.field, narrow);
    } else {
      plan_.repeated ? reflection_.AddDouble(message_, plan_.field, value)
                     : reflection_.SetDouble(message_, plan_.field, value);
    }
  }
  void Put(std::string value) {
    plan_.repeated ? reflection_.AddString(message_, plan_.field, std::move(value))
                   : reflection_.SetString(message_, plan_.field, std::move(value));
  }
  void PutEnum(int number) {
    plan_.repeated ? reflection_.AddEnumValue(message_, plan_.field, number)
                   : reflection_.SetEnumValue(message_, plan_.field, number);
  }
  Message* PutMessage() {
    return plan_.repeated ? reflection_.AddMessage(message_, plan_.field)
                          : reflection_.MutableMessage(message_, plan_.field);
  }

 private:
  const FieldPlan& plan_;
  Message* message_;
  const Reflection& reflection_;
};

bool IsText(const Scalar& scalar) {
  return scalar.kind == Scalar::Kind::kString || scalar.kind == Scalar::Kind::kUntyped;
}

// Whether a number may stand in this scalar: 64-bit ones also as a string, in canonical JSON all.
bool IsNumeric(const Scalar& scalar, FieldKind kind, Dialect dialect) {
  if (scalar.kind == Scalar::Kind::kNumber || scalar.kind == Scalar::Kind::kUntyped) return true;
  return scalar.kind == Scalar::Kind::kString &&
         (dialect == Dialect::kCanonical || kind == FieldKind::kInt64 ||
          kind == FieldKind::kUint64);
}

template <typename T>
absl::Status StoreInteger(const Scalar& scalar, const FieldPlan& plan, const JsonPath& path,
                          Target target) {
  T value = 0;
  switch (ParseNumber(scalar.text, &value)) {
    case NumberError::kNone:
      target.Put(value);
      return absl::OkStatus();
    case NumberError::kRange:
      return BadValue(path.ToString(), Expected(plan) + " (it is out of range)");
    case NumberError::kNotWhole:
    case NumberError::kSyntax:
      break;
  }
  return BadValue(path.ToString(), Expected(plan));
}

std::optional<double> NamedReal(std::string_view text) {
  if (text == "NaN") return std::nan("");
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

absl::Status StoreReal(const Scalar& scalar, const FieldPlan& plan, Dialect dialect,
                       const JsonPath& path, Target target) {
  if (dialect == Dialect::kCanonical && scalar.kind == Scalar::Kind::kString) {
    if (const auto named = NamedReal(scalar.text)) {
      target.Put(*named);
      return absl::OkStatus();
    }
  }
  double value = 0;
  const NumberError error = ParseNumber(scalar.text, &value);
  const bool too_big =
      plan.kind == FieldKind::kFloat && std::fabs(value) > std::numeric_limits<float>::max();
  if (error == NumberError::kRange || (error == NumberError::kNone && too_big)) {
    return BadValue(path.ToString(), Expected(plan) + " (it is out of range)");
  }
  if (error != NumberError::kNone) return BadValue(path.ToString(), Expected(plan));
  target.Put(value);
  return absl::OkStatus();
}

absl::Status StoreNumber(const Scalar& scalar, const FieldPlan& plan, Dialect dialect,
                         const JsonPath& path, Target target) {
  if (!IsNumeric(scalar, plan.kind, dialect)) return BadValue(path.ToString(), Expected(plan));
  switch (plan.kind) {
    case FieldKind::kInt32:
      return StoreInteger<int32_t>(scalar, plan, path, target);
    case FieldKind::kUint32:
      return StoreInteger<uint32_t>(scalar, plan, path, target);
    case FieldKind::kInt64:
      return StoreInteger<int64_t>(scalar, plan, path, target);
    case FieldKind::kUint64:
      return StoreInteger<uint64_t>(scalar, plan, path, target);
    default:
      return StoreReal(scalar, plan, dialect, path, target);
  }
}

std::optional<int> EnumNumber(const Scalar& scalar, const EnumPlan& plan, Dialect dialect) {
  if (IsText(scalar)) {
    const std::string text(scalar.text);
    if (dialect == Dialect::kHeim) {
      const auto found = plan.by_short.find(text);
      if (found != plan.by_short.end()) return found->second;
    }
    const auto found = plan.by_full.find(text);
    if (found != plan.by_full.end()) return found->second;
  }
  if (scalar.kind == Scalar::Kind::kNumber || scalar.kind == Scalar::Kind::kUntyped) {
    int32_t number = 0;
    if (ParseNumber(scalar.text, &number) == NumberError::kNone &&
        plan.by_number.count(number) > 0) {
      return number;
    }
  }
  return std::nullopt;
}

}  // namespace

absl::Status StoreScalarMessage(const Scalar& scalar, const MessagePlan& plan, const JsonPath& path,
                                Message* message) {
  if (IsText(scalar)) {
    switch (plan.kind) {
      case MessageKind::kTimestamp:
        if (auto time = ParseTime(scalar.text)) {
          *static_cast<google::protobuf::Timestamp*>(message) = *std::move(time);
          return absl::OkStatus();
        }
        break;
      case MessageKind::kDuration:
        if (auto duration = ParseSeconds(scalar.text)) {
          *static_cast<google::protobuf::Duration*>(message) = *std::move(duration);
          return absl::OkStatus();
        }
        break;
      case MessageKind::kFieldMask:
        if (auto mask = SplitMask(scalar.text)) {
          *static_cast<google::protobuf::FieldMask*>(message) = *std::move(mask);
          return absl::OkStatus();
        }
        break;
      default:
        break;
    }
  }
  return BadValue(path.ToString(), Expected(plan));
}

absl::Status StoreScalar(const Scalar& scalar, const FieldPlan& plan, Dialect dialect,
                         const JsonPath& path, Message* message) {
  Target target(plan, message);
  switch (plan.kind) {
    case FieldKind::kBool:
      if (scalar.kind == Scalar::Kind::kString || (scalar.text != "true" && scalar.text != "false"))
        break;
      target.Put(scalar.text == "true");
      return absl::OkStatus();
    case FieldKind::kEnum:
      if (const auto number = EnumNumber(scalar, *plan.enums, dialect)) {
        target.PutEnum(*number);
        return absl::OkStatus();
      }
      break;
    case FieldKind::kString:
      if (!IsText(scalar)) break;
      target.Put(std::string(scalar.text));
      return absl::OkStatus();
    case FieldKind::kBytes:
      if (!IsText(scalar)) break;
      if (auto bytes = ParseBase64(scalar.text)) {
        target.Put(*std::move(bytes));
        return absl::OkStatus();
      }
      break;
    case FieldKind::kMessage:
      return StoreScalarMessage(scalar, *plan.message, path, target.PutMessage());
    default:
      return StoreNumber(scalar, plan, dialect, path, target);
  }
  return BadValue(path.ToString(), Expected(plan));
}

std::string Expected(const FieldPlan& plan) {
  if (plan.map) return "an object";
  switch (plan.kind) {
    case FieldKind::kBool:
      return "true or false";
    case FieldKind::kInt32:
    case FieldKind::kInt64:
      return "a whole number";
    case FieldKind::kUint32:
    case FieldKind::kUint64:
      return "a whole number that is not negative";
    case FieldKind::kFloat:
    case FieldKind::kDouble:
      return "a number";
    case FieldKind::kEnum:
      return plan.enums->expected;
    case FieldKind::kString:
      return "a string";
    case FieldKind::kBytes:
      return "base64 in a string";
    case FieldKind::kMessage:
      return Expected(*plan.message);
  }
  return "";
}

std::string Expected(const MessagePlan& plan) {
  switch (plan.kind) {
    case MessageKind::kTimestamp:
      return "a time such as \"2025-01-15T10:30:00Z\"";
    case MessageKind::kDuration:
      return "a duration such as \"1.5s\"";
    case MessageKind::kFieldMask:
      return "field paths in a string, separated by commas";
    case MessageKind::kListValue:
      return "a list";
    case MessageKind::kValue:
      return "a JSON value";
    default:
      return "an object";
  }
}

}  // namespace heim
