#include "gateway/json/writer.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "gateway/json/envelope.h"
#include "gateway/json/text.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/struct.pb.h"
#include "heim/v1/event.pb.h"
#include "server/base/crypto.h"
#include "server/base/strings.h"

namespace heim {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::ListValue;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Struct;
using google::protobuf::Value;

// Every whole number up to here is a double, so every JSON parser takes it exactly.
constexpr uint64_t kMaxSafeInteger = (uint64_t{1} << 53) - 1;

template <typename To>
const To& Cast(const Message& message) {
  return static_cast<const To&>(message);
}

template <typename T, typename Append>
void WriteReal(T value, Append append, std::string* out) {
  if (std::isfinite(value)) {
    append(value, out);
  } else if (std::isnan(value)) {
    out->append("\"NaN\"");
  } else {
    out->append(value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
  }
}

void WriteInt64(int64_t value, Dialect dialect, std::string* out) {
  const uint64_t magnitude =
      value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  const bool quoted = dialect == Dialect::kCanonical || magnitude > kMaxSafeInteger;
  if (quoted) out->push_back('"');
  AppendInteger(value, out);
  if (quoted) out->push_back('"');
}

void WriteUint64(uint64_t value, Dialect dialect, std::string* out) {
  const bool quoted = dialect == Dialect::kCanonical || value > kMaxSafeInteger;
  if (quoted) out->push_back('"');
  AppendUnsigned(value, out);
  if (quoted) out->push_back('"');
}

void WriteEnum(int number, const EnumPlan& plan, Dialect dialect, std::string* out) {
  const auto found = plan.by_number.find(number);
  if (found == plan.by_number.end()) {
    AppendInteger(number, out);
  } else {
    out->append(dialect == Dialect::kHeim ? found->second.short_text : found->second.full_text);
  }
}

void WriteBytes(const std::string& bytes, std::string* out) {
  out->push_back('"');
  out->append(Base64Encode(bytes));
  out->push_back('"');
}

void WriteValue(const Value& value, std::string* out);

void WriteStruct(const Struct& value, std::string* out) {
  // A map has no order of its own; the same value is always written the same way.
  std::vector<const google::protobuf::Map<std::string, Value>::value_type*> entries;
  entries.reserve(value.fields().size());
  for (const auto& entry : value.fields()) entries.push_back(&entry);
  std::sort(entries.begin(), entries.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  char separator = '{';
  for (const auto* entry : entries) {
    out->push_back(separator);
    separator = ',';
    AppendQuoted(entry->first, out);
    out->push_back(':');
    WriteValue(entry->second, out);
  }
  if (separator == '{') out->push_back('{');
  out->push_back('}');
}

void WriteList(const ListValue& list, std::string* out) {
  out->push_back('[');
  for (int i = 0; i < list.values_size(); ++i) {
    if (i > 0) out->push_back(',');
    WriteValue(list.values(i), out);
  }
  out->push_back(']');
}

void WriteValue(const Value& value, std::string* out) {
  switch (value.kind_case()) {
    case Value::kNumberValue:
      if (std::isfinite(value.number_value())) {
        AppendDouble(value.number_value(), out);
      } else {
        out->append("null");
      }
      return;
    case Value::kStringValue:
      AppendQuoted(value.string_value(), out);
      return;
    case Value::kBoolValue:
      out->append(value.bool_value() ? "true" : "false");
      return;
    case Value::kStructValue:
      WriteStruct(value.struct_value(), out);
      return;
    case Value::kListValue:
      WriteList(value.list_value(), out);
      return;
    case Value::kNullValue:
    case Value::KIND_NOT_SET:
      out->append("null");
  }
}

void WriteSingular(const Message& message, const Reflection& reflection, const FieldPlan& plan,
                   const WriteContext& context, std::string* out) {
  const FieldDescriptor* field = plan.field;
  std::string scratch;
  switch (plan.kind) {
    case FieldKind::kBool:
      out->append(reflection.GetBool(message, field) ? "true" : "false");
      return;
    case FieldKind::kInt32:
      AppendInteger(reflection.GetInt32(message, field), out);
      return;
    case FieldKind::kUint32:
      AppendUnsigned(reflection.GetUInt32(message, field), out);
      return;
    case FieldKind::kInt64:
      WriteInt64(reflection.GetInt64(message, field), context.dialect, out);
      return;
    case FieldKind::kUint64:
      WriteUint64(reflection.GetUInt64(message, field), context.dialect, out);
      return;
    case FieldKind::kFloat:
      WriteReal(reflection.GetFloat(message, field), AppendFloat, out);
      return;
    case FieldKind::kDouble:
      WriteReal(reflection.GetDouble(message, field), AppendDouble, out);
      return;
    case FieldKind::kEnum:
      WriteEnum(reflection.GetEnumValue(message, field), *plan.enums, context.dialect, out);
      return;
    case FieldKind::kString:
      AppendQuoted(reflection.GetStringReference(message, field, &scratch), out);
      return;
    case FieldKind::kBytes:
      WriteBytes(reflection.GetStringReference(message, field, &scratch), out);
      return;
    case FieldKind::kMessage:
      WriteMessage(reflection.GetMessage(message, field), *plan.message, context, out);
  }
}

void WriteItem(const Message& message, const Reflection& reflection, const FieldPlan& plan, int i,
               const WriteContext& context, std::string* out) {
  const FieldDescriptor* field = plan.field;
  std::string scratch;
  switch (plan.kind) {
    case FieldKind::kBool:
      out->append(reflection.GetRepeatedBool(message, field, i) ? "true" : "false");
      return;
    case FieldKind::kInt32:
      AppendInteger(reflection.GetRepeatedInt32(message, field, i), out);
      return;
    case FieldKind::kUint32:
      AppendUnsigned(reflection.GetRepeatedUInt32(message, field, i), out);
      return;
    case FieldKind::kInt64:
      WriteInt64(reflection.GetRepeatedInt64(message, field, i), context.dialect, out);
      return;
    case FieldKind::kUint64:
      WriteUint64(reflection.GetRepeatedUInt64(message, field, i), context.dialect, out);
      return;
    case FieldKind::kFloat:
      WriteReal(reflection.GetRepeatedFloat(message, field, i), AppendFloat, out);
      return;
    case FieldKind::kDouble:
      WriteReal(reflection.GetRepeatedDouble(message, field, i), AppendDouble, out);
      return;
    case FieldKind::kEnum:
      WriteEnum(reflection.GetRepeatedEnumValue(message, field, i), *plan.enums, context.dialect,
                out);
      return;
    case FieldKind::kString:
      AppendQuoted(reflection.GetRepeatedStringReference(message, field, i, &scratch), out);
      return;
    case FieldKind::kBytes:
      WriteBytes(reflection.GetRepeatedStringReference(message, field, i, &scratch), out);
      return;
    case FieldKind::kMessage:
      WriteMessage(reflection.GetRepeatedMessage(message, field, i), *plan.message, context, out);
  }
}

// Maps are rare: keys are written to text first, then sorted, for a stable order.
void WriteMap(const Message& message, const Reflection& reflection, const FieldPlan& plan,
              const WriteContext& context, std::string* out) {
  const FieldPlan& key_plan = plan.message->fields[0];
  const FieldPlan& value_plan = plan.message->fields[1];
  std::vector<std::pair<std::string, const Message*>> entries;
  for (int i = 0; i < reflection.FieldSize(message, plan.field); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, plan.field, i);
    std::string key;
    WriteSingular(entry, *entry.GetReflection(), key_plan, context, &key);
    if (key.front() != '"') key = StrCat("\"", key, "\"");
    entries.emplace_back(std::move(key), &entry);
  }
  std::sort(entries.begin(), entries.end());
  out->push_back('{');
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i > 0) out->push_back(',');
    out->append(entries[i].first).push_back(':');
    const Message& entry = *entries[i].second;
    WriteSingular(entry, *entry.GetReflection(), value_plan, context, out);
  }
  out->push_back('}');
}

bool IsWritten(const Message& message, const Reflection& reflection, const FieldPlan& plan,
               Dialect dialect) {
  if (plan.repeated || plan.map) {
    return dialect == Dialect::kHeim || reflection.FieldSize(message, plan.field) > 0;
  }
  if (plan.has_presence && !reflection.HasField(message, plan.field)) return false;
  if (dialect == Dialect::kCanonical)
    return plan.has_presence || reflection.HasField(message, plan.field);
  return plan.kind != FieldKind::kEnum || !plan.enums->has_unspecified ||
         reflection.GetEnumValue(message, plan.field) != 0;
}

void WritePlain(const Message& message, const MessagePlan& plan, const WriteContext& context,
                std::string* out) {
  const Reflection& reflection = *message.GetReflection();
  out->push_back('{');
  bool first = true;
  for (const FieldPlan& field : plan.fields) {
    if (!IsWritten(message, reflection, field, context.dialect)) continue;
    const std::string& key =
        context.dialect == Dialect::kHeim ? field.heim_key : field.canonical_key;
    out->append(key, first ? 1 : 0);
    first = false;
    if (field.map) {
      WriteMap(message, reflection, field, context, out);
    } else if (field.repeated) {
      const int size = reflection.FieldSize(message, field.field);
      for (int i = 0; i < size; ++i) {
        out->push_back(i == 0 ? '[' : ',');
        WriteItem(message, reflection, field, i, context, out);
      }
      out->append(size == 0 ? "[]" : "]");
    } else {
      WriteSingular(message, reflection, field, context, out);
    }
  }
  out->push_back('}');
}

void WriteEnvelope(const v1::Event& event, const WriteContext& context, std::string* out) {
  std::string cursor;
  if (!context.epoch.empty() && event.position() > 0) {
    cursor = StrCat(context.epoch, ".", event.position());
  }
  AppendEvent(event, cursor, out);
}

}  // namespace

void WriteMessage(const Message& message, const MessagePlan& plan, const WriteContext& context,
                  std::string* out) {
  const bool heim = context.dialect == Dialect::kHeim;
  const Decimals decimals = heim ? Decimals::kHeim : Decimals::kCanonical;
  switch (plan.kind) {
    case MessageKind::kTimestamp:
      out->push_back('"');
      AppendTime(Cast<google::protobuf::Timestamp>(message), decimals, out);
      out->push_back('"');
      return;
    case MessageKind::kDuration:
      out->push_back('"');
      AppendSeconds(Cast<google::protobuf::Duration>(message), decimals, out);
      out->push_back('"');
      return;
    case MessageKind::kFieldMask:
      AppendQuoted(JoinMask(Cast<google::protobuf::FieldMask>(message), !heim), out);
      return;
    case MessageKind::kStruct:
      return WriteStruct(Cast<Struct>(message), out);
    case MessageKind::kValue:
      return WriteValue(Cast<Value>(message), out);
    case MessageKind::kListValue:
      return WriteList(Cast<ListValue>(message), out);
    case MessageKind::kEvent:
      if (heim) return WriteEnvelope(Cast<v1::Event>(message), context, out);
      break;
    case MessageKind::kPlain:
      break;
  }
  if (plan.event_cursor == nullptr) return WritePlain(message, plan, context, out);
  const std::string cursor = message.GetReflection()->GetString(message, plan.event_cursor);
  const size_t dot = cursor.rfind('.');
  WriteContext inner = context;
  if (dot != std::string::npos) inner.epoch = std::string_view(cursor).substr(0, dot);
  WritePlain(message, plan, inner, out);
}

void AppendJson(const Message& message, Dialect dialect, std::string* out) {
  WriteContext context;
  context.dialect = dialect;
  WriteMessage(message, PlanFor(message.GetDescriptor()), context, out);
}

std::string ToJson(const Message& message) {
  std::string out;
  AppendJson(message, Dialect::kHeim, &out);
  return out;
}

}  // namespace heim
