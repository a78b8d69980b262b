#include "server/archive/json_value.h"

#include <simdjson.h>

#include <cmath>

#include "absl/strings/numbers.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

using google::protobuf::ListValue;
using google::protobuf::Value;
namespace dom = simdjson::dom;

class Converter {
 public:
  absl::Status Convert(const dom::element& from, int depth, Value* to) {
    if (++values_ > kJsonValuesMax) return absl::ResourceExhaustedError("too many values");
    switch (from.type()) {
      case dom::element_type::ARRAY:
        return Items(from, depth, to->mutable_list_value());
      case dom::element_type::OBJECT:
        return Members(from, depth, to->mutable_struct_value());
      case dom::element_type::STRING:
        to->set_string_value(std::string(std::string_view(from)));
        return absl::OkStatus();
      case dom::element_type::BOOL:
        to->set_bool_value(bool(from));
        return absl::OkStatus();
      case dom::element_type::NULL_VALUE:
        to->set_null_value(google::protobuf::NULL_VALUE);
        return absl::OkStatus();
      default:
        to->set_number_value(double(from));
        return absl::OkStatus();
    }
  }

 private:
  absl::Status Items(const dom::element& from, int depth, ListValue* to) {
    if (depth == kForeignJsonMaxDepth) return TooDeep();
    for (const dom::element item : dom::array(from)) {
      HEIM_RETURN_IF_ERROR(Convert(item, depth + 1, to->add_values()));
    }
    return absl::OkStatus();
  }

  absl::Status Members(const dom::element& from, int depth, JsonObject* to) {
    if (depth == kForeignJsonMaxDepth) return TooDeep();
    for (const auto member : dom::object(from)) {
      Value value;
      HEIM_RETURN_IF_ERROR(Convert(member.value, depth + 1, &value));
      (*to->mutable_fields())[std::string(member.key)] = std::move(value);
    }
    return absl::OkStatus();
  }

  static absl::Status TooDeep() { return absl::ResourceExhaustedError("nested too deep"); }

  size_t values_ = 0;
};

const Value* Member(const JsonObject& object, const std::string& key) {
  const auto at = object.fields().find(key);
  return at == object.fields().end() ? nullptr : &at->second;
}

}  // namespace

absl::StatusOr<Value> ParseJsonValue(std::string_view text) {
  dom::parser parser;
  dom::element root;
  // Copies the text with the padding that it needs.
  const auto error = parser.parse(text.data(), text.size(), true).get(root);
  if (error != simdjson::SUCCESS) {
    return absl::InvalidArgumentError(StrCat("not JSON: ", simdjson::error_message(error)));
  }
  Value value;
  HEIM_RETURN_IF_ERROR(Converter().Convert(root, 0, &value));
  return value;
}

const std::string& TextOf(const JsonObject& object, const std::string& key) {
  const Value* value = Member(object, key);
  return value == nullptr ? Value::default_instance().string_value() : value->string_value();
}

bool FlagOf(const JsonObject& object, const std::string& key) {
  const Value* value = Member(object, key);
  return value != nullptr && value->bool_value();
}

const JsonObject& ObjectOf(const Value& value) { return value.struct_value(); }

const JsonObject& ObjectOf(const JsonObject& object, const std::string& key) {
  const Value* value = Member(object, key);
  return value == nullptr ? JsonObject::default_instance() : value->struct_value();
}

const ListValue& ListOf(const JsonObject& object, const std::string& key) {
  const Value* value = Member(object, key);
  return value == nullptr ? ListValue::default_instance() : value->list_value();
}

std::optional<int64_t> WholeOf(const JsonObject& object, const std::string& key) {
  const Value* value = Member(object, key);
  if (value == nullptr) return std::nullopt;
  int64_t whole = 0;
  if (value->has_string_value()) {
    return absl::SimpleAtoi(value->string_value(), &whole) ? std::optional(whole) : std::nullopt;
  }
  constexpr double kExact = 9007199254740992.0;  // 2^53
  const double number = value->number_value();
  if (!value->has_number_value() || std::abs(number) > kExact) return std::nullopt;
  return static_cast<int64_t>(number);
}

}  // namespace heim
