#include "gateway/openapi/schema.h"

#include <map>
#include <utility>

#include "gateway/json/plan.h"
#include "heim/v1/options.pb.h"
#include "server/base/strings.h"
#include "server/base/text.h"

namespace heim {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

// Types that have a form of their own in JSON, and the events, which are written as envelopes. By
// name: these descriptors come from a pool of their own.
const std::map<std::string, OrderedJson>& SpecialTypes() {
  static const auto* const types = new std::map<std::string, OrderedJson>{
      {"google.protobuf.Timestamp", {{"type", "string"}, {"format", "date-time"}}},
      {"google.protobuf.Duration",
       {{"type", "string"}, {"pattern", "^-?[0-9]+(\\.[0-9]{1,9})?s$"}}},
      {"google.protobuf.FieldMask", {{"type", "string"}}},
      {"google.protobuf.Struct", {{"type", "object"}, {"additionalProperties", true}}},
      {"google.protobuf.Value", OrderedJson::object()},
      {"google.protobuf.ListValue", {{"type", "array"}, {"items", OrderedJson::object()}}},
  };
  return *types;
}

OrderedJson EnvelopeSchema(const Descriptor* event) {
  OrderedJson types = OrderedJson::array();
  for (int i = 0; i < event->field_count(); ++i) {
    const std::string& type = event->field(i)->options().GetExtension(v1::wire_type);
    if (!type.empty()) types.push_back(type);
  }
  OrderedJson out;
  out["type"] = "object";
  out["description"] = "The envelope of an event, as a WebSocket shows it.";
  out["properties"]["type"] = {{"type", "string"}, {"examples", std::move(types)}};
  out["properties"]["timestamp"] = {{"type", "string"}, {"format", "date-time"}};
  out["properties"]["cursor"] = {{"type", "string"},
                                 {"description", "Set on durable events: where to resume."}};
  out["properties"]["data"] = {{"type", "object"}};
  out["required"] = {"type", "data"};
  return out;
}

void ApplyRules(const FieldDescriptor* field, OrderedJson* schema) {
  const v1::FieldRules& rules = field->options().GetExtension(v1::rules);
  const bool text = field->type() == FieldDescriptor::TYPE_STRING;
  OrderedJson* item = field->is_repeated() ? &(*schema)["items"] : schema;
  if (text && rules.min_len() > 0) (*item)["minLength"] = rules.min_len();
  if (text && rules.max_len() > 0) (*item)["maxLength"] = rules.max_len();
  if (text && (rules.format() == "email" || rules.format() == "uri")) {
    (*item)["format"] = rules.format();
  }
  if (field->is_repeated() && rules.max_items() > 0) (*schema)["maxItems"] = rules.max_items();
  if (rules.has_gte()) (*item)["minimum"] = rules.gte();
  if (rules.has_lte()) (*item)["maximum"] = rules.lte();
}

}  // namespace

OrderedJson SchemaBuilder::Pointer(const std::string& name) const {
  return {{"$ref", "#/components/schemas/" + name}};
}

OrderedJson SchemaBuilder::Reference(const Descriptor* message) {
  const auto special = SpecialTypes().find(message->full_name());
  if (special != SpecialTypes().end()) return special->second;
  const auto [entry, added] = components_.try_emplace(message->name());
  if (added) {
    // The name is taken first, so that a type may hold itself.
    OrderedJson schema = message->full_name() == "heim.v1.Event"
                             ? EnvelopeSchema(message)
                             : OfObject(message, [](const FieldDescriptor*) { return true; });
    components_[message->name()] = std::move(schema);
  }
  return Pointer(message->name());
}

OrderedJson SchemaBuilder::ReferenceToEnum(const EnumDescriptor* enumeration) {
  OrderedJson& schema = components_[enumeration->name()];
  if (schema.is_null()) {
    const std::string prefix = EnumPrefix(enumeration->name());
    schema["type"] = "string";
    if (const std::string comment = CommentOf(enumeration); !comment.empty()) {
      schema["description"] = comment;
    }
    schema["enum"] = OrderedJson::array();
    for (int i = 0; i < enumeration->value_count(); ++i) {
      const std::string& name = enumeration->value(i)->name();
      if (EndsWith(name, "UNSPECIFIED")) continue;
      schema["enum"].push_back(
          AsciiLower(StartsWith(name, prefix) ? name.substr(prefix.size()) : name));
    }
  }
  return Pointer(enumeration->name());
}

OrderedJson SchemaBuilder::OfSingular(const FieldDescriptor* field) {
  switch (field->type()) {
    case FieldDescriptor::TYPE_BOOL:
      return {{"type", "boolean"}};
    case FieldDescriptor::TYPE_DOUBLE:
    case FieldDescriptor::TYPE_FLOAT:
      return {{"type", "number"}};
    case FieldDescriptor::TYPE_BYTES:
      return {{"type", "string"}, {"contentEncoding", "base64"}};
    case FieldDescriptor::TYPE_STRING:
      return {{"type", "string"}};
    case FieldDescriptor::TYPE_ENUM:
      return ReferenceToEnum(field->enum_type());
    case FieldDescriptor::TYPE_MESSAGE:
    case FieldDescriptor::TYPE_GROUP:
      return Reference(field->message_type());
    default:
      break;
  }
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return {{"type", "integer"}, {"format", "int32"}};
    case FieldDescriptor::CPPTYPE_UINT32:
      return {{"type", "integer"}, {"minimum", 0}};
    case FieldDescriptor::CPPTYPE_UINT64:
      return {{"type", {"integer", "string"}}, {"format", "int64"}, {"minimum", 0}};
    default:
      // Numbers above 2^53 - 1 are written as strings.
      return {{"type", {"integer", "string"}}, {"format", "int64"}};
  }
}

OrderedJson SchemaBuilder::OfField(const FieldDescriptor* field) {
  OrderedJson schema;
  if (field->is_map()) {
    schema["type"] = "object";
    schema["additionalProperties"] = OfSingular(field->message_type()->field(1));
  } else if (field->is_repeated()) {
    schema["type"] = "array";
    schema["items"] = OfSingular(field);
  } else {
    schema = OfSingular(field);
  }
  ApplyRules(field, &schema);
  return schema;
}

OrderedJson SchemaBuilder::OfObject(const Descriptor* message, const Keep& keep) {
  OrderedJson schema;
  schema["type"] = "object";
  if (const std::string comment = CommentOf(message); !comment.empty()) {
    schema["description"] = comment;
  }
  schema["properties"] = OrderedJson::object();
  OrderedJson required = OrderedJson::array();
  for (int i = 0; i < message->field_count(); ++i) {
    const FieldDescriptor* field = message->field(i);
    if (!keep(field)) continue;
    OrderedJson property = OfField(field);
    const std::string comment = CommentOf(field);
    if (!comment.empty()) property["description"] = comment;
    if (StartsWith(comment, "Output only.")) property["readOnly"] = true;
    if (field->options().GetExtension(v1::rules).required()) required.push_back(field->name());
    schema["properties"][field->name()] = std::move(property);
  }
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

OrderedJson SchemaBuilder::TakeComponents() {
  OrderedJson out = OrderedJson::object();
  for (auto& [name, schema] : components_) out[name] = std::move(schema);
  return out;
}

}  // namespace heim
