#include "server/model/validate.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/protobuf/duration.pb.h"
#include "server/base/ids.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/emoji.h"
#include "server/model/errors.h"
#include "server/model/limits.h"
#include "server/model/validation_plan.h"

namespace heim {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using Kind = ValidationPlan::Kind;

// Seconds of 0001-01-01 and 9999-12-31T23:59:59 UTC; of 10,000 years.
constexpr int64_t kTimestampMin = -62'135'596'800;
constexpr int64_t kTimestampMax = 253'402'300'799;
constexpr int64_t kDurationMax = 315'576'000'000;
constexpr int32_t kNanosMax = 999'999'999;

constexpr std::string_view kRequired = "a value; it is required";

// Where the walk is: a list on its own stack, turned to text only for an error.
struct Path {
  const Path* parent = nullptr;
  std::string_view name;
  int index = -1;

  std::string ToString() const {
    std::string text = parent != nullptr ? parent->ToString() : "";
    if (!text.empty()) text.push_back('.');
    StrAppend(&text, name);
    if (index >= 0) absl::StrAppend(&text, "[", index, "]");
    return text;
  }
};

absl::Status Bad(const Path& path, std::string_view expected) {
  return InvalidField(path.ToString(), expected);
}

absl::Status BadAs(v1::ErrorReason reason, const Path& path, std::string_view expected) {
  const std::string field = path.ToString();
  return ErrorBuilder(reason, StrCat(field, ": expected ", expected))
      .Field(field, StrCat("expected ", expected))
      .Build();
}

bool IsPageCursor(std::string_view text) {
  return text.size() <= kPageCursorMaxBytes && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '_' || c == '.' || c == '=' || c == '-';
         });
}

bool IsMemoryKey(std::string_view text) {
  return text.size() <= kIdempotencyKeyMaxBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

absl::Status CheckFormat(TextFormat format, const std::string& text, const Path& path) {
  switch (format) {
    case TextFormat::kNone:
      return absl::OkStatus();
    case TextFormat::kId:
      return IsUuid(text) ? absl::OkStatus() : Bad(path, "an id (UUID in lower case)");
    case TextFormat::kSlug:
      return IsSlug(text) ? absl::OkStatus()
                          : Bad(path, "1 to 80 of a-z, 0-9, _ and -, a letter or digit first");
    case TextFormat::kUsername:
      return IsUsername(text) ? absl::OkStatus()
                              : Bad(path, "2 to 32 of a-z, 0-9, ., _ and -, no dot at an end");
    case TextFormat::kUri:
      return IsHttpUri(text) ? absl::OkStatus() : Bad(path, "an http or https address");
    case TextFormat::kEmoji:
      return NormalizeEmoji(text).ok() ? absl::OkStatus()
                                       : BadAs(v1::ERROR_REASON_INVALID_EMOJI, path,
                                               "one Unicode emoji or a short name such as tada");
    case TextFormat::kCursor:
      return IsPageCursor(text) ? absl::OkStatus()
                                : BadAs(v1::ERROR_REASON_INVALID_CURSOR, path,
                                        "the next_cursor of an earlier page");
    case TextFormat::kKey:
      return IsMemoryKey(text) ? absl::OkStatus() : Bad(path, "1 to 128 visible ASCII characters");
    case TextFormat::kLink:
      return IsLink(text) ? absl::OkStatus() : Bad(path, "an http, https or mailto address");
    case TextFormat::kEmail:
      return IsEmail(text) ? absl::OkStatus() : Bad(path, "an e-mail address");
  }
  return absl::OkStatus();
}

absl::Status CheckText(const std::string& text, const Path& path) {
  if (text.find('\0') != std::string::npos) return Bad(path, "text without NUL");
  if (!IsValidUtf8(text)) return Bad(path, "valid UTF-8");
  return absl::OkStatus();
}

absl::Status CheckString(const ValidationPlan::Field& field, const std::string& text,
                         const Path& path) {
  const v1::FieldRules& rules = *field.rules;
  if (rules.max_bytes() > 0 && text.size() > rules.max_bytes()) {
    return Bad(path, absl::StrCat("at most ", rules.max_bytes(), " bytes"));
  }
  if (absl::Status status = CheckText(text, path); !status.ok()) return status;
  if (rules.min_len() > 0 || rules.max_len() > 0) {
    const size_t length = Utf8Length(text);
    if (length < rules.min_len()) {
      return Bad(path, absl::StrCat("at least ", rules.min_len(), " characters"));
    }
    if (rules.max_len() > 0 && length > rules.max_len()) {
      return Bad(path, absl::StrCat("at most ", rules.max_len(), " characters"));
    }
  }
  return CheckFormat(field.format, text, path);
}

template <typename Number>
absl::Status CheckNumber(const v1::FieldRules& rules, Number value, const Path& path) {
  if (rules.has_gte() && std::cmp_less(value, rules.gte())) {
    return Bad(path, absl::StrCat("a number of at least ", rules.gte()));
  }
  if (rules.has_lte() && std::cmp_greater(value, rules.lte())) {
    return Bad(path, absl::StrCat("a number of at most ", rules.lte()));
  }
  return absl::OkStatus();
}

absl::Status CheckEnum(const FieldDescriptor* field, int number, const Path& path) {
  if (field->enum_type()->FindValueByNumber(number) != nullptr) return absl::OkStatus();
  return Bad(path, StrCat("a value of ", field->enum_type()->name()));
}

absl::Status CheckValueText(const google::protobuf::Value& value, const Path& path);

absl::Status CheckStructText(const google::protobuf::Struct& value, const Path& path) {
  for (const auto& [key, item] : value.fields()) {
    if (absl::Status status = CheckText(key, path); !status.ok()) return status;
    if (absl::Status status = CheckValueText(item, path); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckValueText(const google::protobuf::Value& value, const Path& path) {
  switch (value.kind_case()) {
    case google::protobuf::Value::kStringValue:
      return CheckText(value.string_value(), path);
    case google::protobuf::Value::kStructValue:
      return CheckStructText(value.struct_value(), path);
    case google::protobuf::Value::kListValue:
      for (const google::protobuf::Value& item : value.list_value().values()) {
        if (absl::Status status = CheckValueText(item, path); !status.ok()) return status;
      }
      return absl::OkStatus();
    default:
      return absl::OkStatus();
  }
}

absl::Status CheckDepth(int depth, int limit, const Path& path) {
  if (depth <= limit) return absl::OkStatus();
  return Bad(path, absl::StrCat("at most ", limit, " levels of nesting"));
}

absl::Status CheckTime(const google::protobuf::Timestamp& time, const Path& path) {
  if (time.seconds() >= kTimestampMin && time.seconds() <= kTimestampMax && time.nanos() >= 0 &&
      time.nanos() <= kNanosMax) {
    return absl::OkStatus();
  }
  return Bad(path, "a time between the years 1 and 9999");
}

absl::Status CheckDuration(const google::protobuf::Duration& duration, const Path& path) {
  const int64_t seconds = duration.seconds();
  const int32_t nanos = duration.nanos();
  const bool same_sign = (seconds >= 0 || nanos <= 0) && (seconds <= 0 || nanos >= 0);
  if (same_sign && std::abs(nanos) <= kNanosMax && seconds >= -kDurationMax &&
      seconds <= kDurationMax) {
    return absl::OkStatus();
  }
  return Bad(path, "a duration of less than 10,000 years");
}

absl::Status CheckMessage(const ValidationPlan& plan, const Message& message, const Path* parent);

absl::Status CheckSub(const ValidationPlan::Field& field, const Message& value, const Path& path) {
  const uint32_t max_bytes = field.rules->max_bytes();
  if (max_bytes > 0 && value.ByteSizeLong() > max_bytes) {
    return Bad(path, absl::StrCat("at most ", max_bytes, " bytes"));
  }
  switch (field.kind) {
    case Kind::kStruct: {
      const auto& free = static_cast<const google::protobuf::Struct&>(value);
      if (absl::Status status = CheckDepth(DepthOf(free), field.max_depth, path); !status.ok()) {
        return status;
      }
      return CheckStructText(free, path);
    }
    case Kind::kValue: {
      const auto& free = static_cast<const google::protobuf::Value&>(value);
      if (absl::Status status = CheckDepth(DepthOf(free), field.max_depth, path); !status.ok()) {
        return status;
      }
      return CheckValueText(free, path);
    }
    case Kind::kTimestamp:
      return CheckTime(static_cast<const google::protobuf::Timestamp&>(value), path);
    case Kind::kDuration:
      return CheckDuration(static_cast<const google::protobuf::Duration&>(value), path);
    default:
      return CheckMessage(*field.sub, value, &path);
  }
}

// One value that is set: of a singular field, or the item `index` of a list.
absl::Status CheckOne(const ValidationPlan::Field& field, const Message& message, int index,
                      const Path& path) {
  const FieldDescriptor* descriptor = field.descriptor;
  const Reflection& reflect = *message.GetReflection();
  const bool item = index >= 0;
  switch (descriptor->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      std::string scratch;
      const std::string& text =
          item ? reflect.GetRepeatedStringReference(message, descriptor, index, &scratch)
               : reflect.GetStringReference(message, descriptor, &scratch);
      if (field.kind == Kind::kBytes) {
        const uint32_t most = field.rules->max_bytes();
        if (most == 0 || text.size() <= most) return absl::OkStatus();
        return Bad(path, absl::StrCat("at most ", most, " bytes"));
      }
      return CheckString(field, text, path);
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      return CheckEnum(descriptor,
                       item ? reflect.GetRepeatedEnumValue(message, descriptor, index)
                            : reflect.GetEnumValue(message, descriptor),
                       path);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return CheckSub(field,
                      item ? reflect.GetRepeatedMessage(message, descriptor, index)
                           : reflect.GetMessage(message, descriptor),
                      path);
    case FieldDescriptor::CPPTYPE_INT32:
      return item ? absl::OkStatus()
                  : CheckNumber(*field.rules, reflect.GetInt32(message, descriptor), path);
    case FieldDescriptor::CPPTYPE_INT64:
      return item ? absl::OkStatus()
                  : CheckNumber(*field.rules, reflect.GetInt64(message, descriptor), path);
    case FieldDescriptor::CPPTYPE_UINT32:
      return item ? absl::OkStatus()
                  : CheckNumber(*field.rules, reflect.GetUInt32(message, descriptor), path);
    case FieldDescriptor::CPPTYPE_UINT64:
      return item ? absl::OkStatus()
                  : CheckNumber(*field.rules, reflect.GetUInt64(message, descriptor), path);
    default:
      return absl::OkStatus();
  }
}

absl::Status CheckList(const ValidationPlan::Field& field, const Message& message, int size,
                       Path path) {
  const v1::FieldRules& rules = *field.rules;
  if (rules.max_items() > 0 && static_cast<uint32_t>(size) > rules.max_items()) {
    return Bad(path, absl::StrCat("at most ", rules.max_items(), " items"));
  }
  for (int i = 0; i < size; ++i) {
    path.index = i;
    if (absl::Status status = CheckOne(field, message, i, path); !status.ok()) return status;
  }
  return absl::OkStatus();
}

bool IsEmptyText(const Message& message, const FieldDescriptor* descriptor) {
  std::string scratch;
  return message.GetReflection()->GetStringReference(message, descriptor, &scratch).empty();
}

absl::Status CheckMessage(const ValidationPlan& plan, const Message& message, const Path* parent) {
  const Reflection& reflect = *message.GetReflection();
  for (const ValidationPlan::Field& field : plan.fields()) {
    const FieldDescriptor* descriptor = field.descriptor;
    Path path{parent, descriptor->name()};
    const int size = descriptor->is_repeated() ? reflect.FieldSize(message, descriptor) : 0;
    const bool set = descriptor->is_repeated() ? size > 0 : reflect.HasField(message, descriptor);
    if (!set) {
      if (field.rules->required()) return Bad(path, kRequired);
      continue;
    }
    if (field.kind == Kind::kText && !descriptor->is_repeated() &&
        IsEmptyText(message, descriptor)) {
      // Set to nothing, which clears, unless something is wanted.
      if (field.rules->required() || field.rules->min_len() > 0) return Bad(path, kRequired);
      continue;
    }
    const absl::Status status = descriptor->is_repeated() ? CheckList(field, message, size, path)
                                                          : CheckOne(field, message, -1, path);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Validate(const Message& request) {
  return CheckMessage(ValidationPlan::For(request.GetDescriptor()), request, nullptr);
}

int DepthOf(const google::protobuf::Struct& value) {
  int deepest = -1;
  for (const auto& [key, item] : value.fields()) deepest = std::max(deepest, DepthOf(item));
  return deepest + 1;
}

int DepthOf(const google::protobuf::Value& value) {
  if (value.has_struct_value()) return DepthOf(value.struct_value());
  if (!value.has_list_value()) return 0;
  int deepest = -1;
  for (const google::protobuf::Value& item : value.list_value().values()) {
    deepest = std::max(deepest, DepthOf(item));
  }
  return deepest + 1;
}

}  // namespace heim
