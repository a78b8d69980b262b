#include "server/model/audit_facts.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "heim/v1/actor.pb.h"
#include "heim/v1/channel.pb.h"
#include "heim/v1/message.pb.h"
#include "heim/v1/options.pb.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/audit_limits.h"
#include "server/model/time.h"

namespace heim {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::Struct;
using google::protobuf::Value;

constexpr std::string_view kHidden = "(hidden)";
constexpr std::string_view kCut = "...";
constexpr int kDepthMax = 4;

// Of no thing: what counts, what only its reader has, what is personal or changes by itself.
constexpr std::array<std::string_view, 28> kDropped = {
    "revision",     "updated_at",    "last_seq",         "presence", "activity",     "muted",
    "last_read_at", "last_read_seq", "history_from_seq", "me",       "current",      "address",
    "user_agent",   "email",         "last_used_at",     "url",      "last_seen_at", "member_count",
    "content",      "parts",         "attachments",      "previews", "mentions",     "reactions",
    "thread",       "quote",         "forward",          "sha256",
};
// Told to have changed, but not from what to what.
constexpr std::array<std::string_view, 5> kHiddenFields = {"metadata", "config", "webhook_url",
                                                           "note", "filename"};
constexpr std::array<std::string_view, 3> kChannelNames = {"name", "topic", "purpose"};
// All that is told of a message.
constexpr std::array<std::string_view, 6> kOfMessage = {"id",  "channel_id", "thread_id",
                                                        "seq", "actor",      "created_at"};

template <size_t n>
bool In(const std::array<std::string_view, n>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct Fact {
  Value value;
  bool hidden = false;
  // A switch that is off: worth telling only beside one that is on.
  bool off = false;
};
using Facts = std::map<std::string, Fact>;

Value TextValue(std::string_view text) {
  Value value;
  value.set_string_value(AuditText(text));
  return value;
}

Value NumberValue(double number) {
  Value value;
  value.set_number_value(number);
  return value;
}

Value BoolValue(bool on) {
  Value value;
  value.set_bool_value(on);
  return value;
}

// "CHANNEL_ROLE_ADMIN" is "admin".
Value EnumValue(const google::protobuf::EnumDescriptor& type, int number) {
  const google::protobuf::EnumValueDescriptor* found = type.FindValueByNumber(number);
  if (found == nullptr) return NumberValue(number);
  std::string_view name = found->name();
  std::string_view prefix = type.FindValueByNumber(0) == nullptr
                                ? std::string_view()
                                : std::string_view(type.FindValueByNumber(0)->name());
  if (EndsWith(prefix, "UNSPECIFIED")) prefix.remove_suffix(sizeof("UNSPECIFIED") - 1);
  if (StartsWith(name, prefix)) name.remove_prefix(prefix.size());
  return TextValue(AsciiLower(name));
}

// A scalar, of a list where `index` is not negative. Nullopt for bytes.
std::optional<Value> ScalarOf(const Message& message, const FieldDescriptor& field, int index) {
  const Reflection& r = *message.GetReflection();
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      if (field.type() == FieldDescriptor::TYPE_BYTES) return std::nullopt;
      std::string scratch;
      return TextValue(one ? r.GetStringReference(message, &field, &scratch)
                           : r.GetRepeatedStringReference(message, &field, index, &scratch));
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      return BoolValue(one ? r.GetBool(message, &field)
                           : r.GetRepeatedBool(message, &field, index));
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumValue(*field.enum_type(), one ? r.GetEnumValue(message, &field)
                                               : r.GetRepeatedEnumValue(message, &field, index));
    case FieldDescriptor::CPPTYPE_INT32:
      return NumberValue(one ? r.GetInt32(message, &field)
                             : r.GetRepeatedInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_UINT32:
      return NumberValue(one ? r.GetUInt32(message, &field)
                             : r.GetRepeatedUInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_INT64:
      return NumberValue(static_cast<double>(one ? r.GetInt64(message, &field)
                                                 : r.GetRepeatedInt64(message, &field, index)));
    case FieldDescriptor::CPPTYPE_UINT64:
      return NumberValue(static_cast<double>(one ? r.GetUInt64(message, &field)
                                                 : r.GetRepeatedUInt64(message, &field, index)));
    default:
      return std::nullopt;
  }
}

std::optional<Value> ListOf(const Message& message, const FieldDescriptor& field) {
  Value value;
  const int size = message.GetReflection()->FieldSize(message, &field);
  for (int i = 0; i < std::min<int>(size, kAuditListMax); ++i) {
    std::optional<Value> item = ScalarOf(message, field, i);
    if (!item.has_value()) return std::nullopt;
    *value.mutable_list_value()->add_values() = *std::move(item);
  }
  if (size > kAuditListMax) *value.mutable_list_value()->add_values() = TextValue(kCut);
  return value;
}

void AddStruct(const Struct& data, const std::string& prefix, Facts* facts);

void AddValue(const Value& value, const std::string& name, Facts* facts) {
  switch (value.kind_case()) {
    case Value::kStructValue:
      return AddStruct(value.struct_value(), name + ".", facts);
    case Value::kStringValue:
      (*facts)[name].value = TextValue(value.string_value());
      return;
    case Value::kListValue:
      (*facts)[name].value = TextValue(StrCat(value.list_value().values_size(), " values"));
      return;
    default:
      (*facts)[name].value = value;
  }
}

void AddStruct(const Struct& data, const std::string& prefix, Facts* facts) {
  for (const auto& [key, value] : data.fields()) {
    if (facts->size() >= static_cast<size_t>(kAuditFieldsMax)) return;
    AddValue(value, AuditText(prefix + key), facts);
  }
}

void AddMessage(const Message& message, const std::string& prefix, int depth, Facts* facts);

void AddSubmessage(const Message& message, const std::string& name, int depth, Facts* facts) {
  const Descriptor* type = message.GetDescriptor();
  if (type == google::protobuf::Timestamp::descriptor()) {
    const auto& time = static_cast<const google::protobuf::Timestamp&>(message);
    (*facts)[name].value = TextValue(
        absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", FromTimestamp(time), absl::UTCTimeZone()));
  } else if (type == google::protobuf::Duration::descriptor()) {
    const auto& span = static_cast<const google::protobuf::Duration&>(message);
    (*facts)[name].value = NumberValue(static_cast<double>(span.seconds()) + span.nanos() / 1e9);
  } else if (type == Struct::descriptor()) {
    AddStruct(static_cast<const Struct&>(message), name + ".", facts);
  } else if (type == v1::ActorRef::descriptor()) {
    (*facts)[name + "_id"].value = TextValue(static_cast<const v1::ActorRef&>(message).id());
  } else if (depth < kDepthMax) {
    AddMessage(message, name + ".", depth + 1, facts);
  }
}

// What is hidden is compared, so that its change is seen.
void Hide(const Message& message, const FieldDescriptor& field, Fact* fact) {
  fact->hidden = true;
  const Reflection& r = *message.GetReflection();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    fact->value.set_string_value(r.GetMessage(message, &field).ShortDebugString());
  } else if (field.type() == FieldDescriptor::TYPE_STRING) {
    fact->value.set_string_value(r.GetString(message, &field));
  }
}

bool IsTold(const Message& message, const FieldDescriptor& field) {
  if (field.options().GetExtension(v1::rules).sensitive()) return false;
  if (message.GetDescriptor() == v1::Message::descriptor()) return In(kOfMessage, field.name());
  // What a person says it is doing.
  if (message.GetDescriptor() == v1::Actor::descriptor() && field.name() == "status") return false;
  return !In(kDropped, field.name());
}

bool IsHidden(const Message& message, const FieldDescriptor& field) {
  if (In(kHiddenFields, field.name())) return true;
  return message.GetDescriptor() == v1::Channel::descriptor() && In(kChannelNames, field.name()) &&
         static_cast<const v1::Channel&>(message).type() != v1::CHANNEL_TYPE_PUBLIC;
}

void AddMessage(const Message& message, const std::string& prefix, int depth, Facts* facts) {
  const Reflection& r = *message.GetReflection();
  const Descriptor& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (!IsTold(message, field) || facts->size() >= static_cast<size_t>(kAuditFieldsMax)) continue;
    const std::string name = prefix + field.name();
    if (field.is_repeated()) {
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) continue;
      if (r.FieldSize(message, &field) == 0) continue;
      if (auto list = ListOf(message, field)) (*facts)[name].value = *std::move(list);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_BOOL) {
      const bool on = r.GetBool(message, &field);
      (*facts)[name] = {BoolValue(on), false, !on};
    } else if (!r.HasField(message, &field)) {
      continue;
    } else if (IsHidden(message, field)) {
      Hide(message, field, &(*facts)[name]);
    } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      AddSubmessage(r.GetMessage(message, &field), name, depth, facts);
    } else if (auto value = ScalarOf(message, field, -1)) {
      (*facts)[name].value = *std::move(value);
    }
  }
}

bool Same(const Fact& a, const Fact& b) {
  return a.hidden == b.hidden && a.value.SerializeAsString() == b.value.SerializeAsString();
}

// Whom it is about is told although it never changes.
void TellWhom(const Facts& facts, Struct* out) {
  const auto whom = facts.find("actor_id");
  if (whom != facts.end()) (*out->mutable_fields())[whom->first] = whom->second.value;
}

void Tell(const Facts& facts, const Facts* other, Struct* out) {
  for (const auto& [name, fact] : facts) {
    if (other == nullptr && fact.off) continue;
    if (other != nullptr) {
      const auto there = other->find(name);
      if (there != other->end() && Same(fact, there->second)) continue;
    }
    Value& value = (*out->mutable_fields())[name];
    if (fact.hidden) {
      value.set_string_value(std::string(kHidden));
    } else {
      value = fact.value;
    }
  }
  if (other == nullptr) return;
  for (const auto& [name, fact] : *other) {
    if (facts.find(name) == facts.end()) {
      (*out->mutable_fields())[name].set_null_value(google::protobuf::NULL_VALUE);
    }
  }
}

}  // namespace

std::string AuditText(std::string_view text) {
  const std::string_view kept = Utf8Prefix(text, kAuditTextMaxBytes);
  std::string safe = StripUnsafeControls(kept);
  if (kept.size() < text.size()) StrAppend(&safe, kCut);
  return safe;
}

AuditChange ChangeForAudit(const Message* before, const Message* after) {
  Facts was;
  Facts is;
  if (before != nullptr) AddMessage(*before, "", 0, &was);
  if (after != nullptr) AddMessage(*after, "", 0, &is);
  AuditChange change;
  if (before != nullptr) Tell(was, after != nullptr ? &is : nullptr, &change.before.emplace());
  if (after != nullptr) Tell(is, before != nullptr ? &was : nullptr, &change.after.emplace());
  if (change.before.has_value() && change.after.has_value() && !change.nothing()) {
    TellWhom(was, &*change.before);
    TellWhom(is, &*change.after);
  }
  return change;
}

}  // namespace heim
