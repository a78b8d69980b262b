#include "gateway/json/plan.h"

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "gateway/json/text.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "heim/v1/event.pb.h"
#include "server/base/strings.h"
#include "server/base/text.h"

namespace heim {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;

// Compares descriptors, not names: only the generated classes may be cast to.
MessageKind KindOf(const Descriptor* descriptor) {
  if (descriptor == google::protobuf::Timestamp::descriptor()) return MessageKind::kTimestamp;
  if (descriptor == google::protobuf::Duration::descriptor()) return MessageKind::kDuration;
  if (descriptor == google::protobuf::FieldMask::descriptor()) return MessageKind::kFieldMask;
  if (descriptor == google::protobuf::Struct::descriptor()) return MessageKind::kStruct;
  if (descriptor == google::protobuf::Value::descriptor()) return MessageKind::kValue;
  if (descriptor == google::protobuf::ListValue::descriptor()) return MessageKind::kListValue;
  if (descriptor == v1::Event::descriptor()) return MessageKind::kEvent;
  return MessageKind::kPlain;
}

FieldKind KindOf(const FieldDescriptor* field) {
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return FieldKind::kBool;
    case FieldDescriptor::CPPTYPE_INT32:
      return FieldKind::kInt32;
    case FieldDescriptor::CPPTYPE_UINT32:
      return FieldKind::kUint32;
    case FieldDescriptor::CPPTYPE_INT64:
      return FieldKind::kInt64;
    case FieldDescriptor::CPPTYPE_UINT64:
      return FieldKind::kUint64;
    case FieldDescriptor::CPPTYPE_FLOAT:
      return FieldKind::kFloat;
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return FieldKind::kDouble;
    case FieldDescriptor::CPPTYPE_ENUM:
      return FieldKind::kEnum;
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return FieldKind::kMessage;
    case FieldDescriptor::CPPTYPE_STRING:
      break;
  }
  return field->type() == FieldDescriptor::TYPE_BYTES ? FieldKind::kBytes : FieldKind::kString;
}

std::string Quoted(std::string_view text) {
  std::string out;
  AppendQuoted(text, &out);
  return out;
}

std::unique_ptr<EnumPlan> MakeEnumPlan(const EnumDescriptor* descriptor) {
  auto plan = std::make_unique<EnumPlan>();
  const std::string prefix = EnumPrefix(descriptor->name());
  for (int i = 0; i < descriptor->value_count(); ++i) {
    const auto* value = descriptor->value(i);
    const bool prefixed = StartsWith(value->name(), prefix) && value->name().size() > prefix.size();
    const std::string short_name =
        AsciiLower(prefixed ? value->name().substr(prefix.size()) : value->name());
    plan->by_number.try_emplace(value->number(),
                                EnumPlan::Value{Quoted(short_name), Quoted(value->name())});
    plan->by_short.try_emplace(short_name, value->number());
    plan->by_full.try_emplace(value->name(), value->number());
    if (value->number() == 0 && EndsWith(value->name(), "UNSPECIFIED")) {
      plan->has_unspecified = true;
    } else {
      StrAppend(&plan->expected, plan->expected.empty() ? "one of " : ", ", short_name);
    }
  }
  return plan;
}

class PlanCache {
 public:
  const MessagePlan& Get(const Descriptor* descriptor) {
    {
      absl::ReaderMutexLock lock(&mutex_);
      const auto found = messages_.find(descriptor);
      if (found != messages_.end()) return *found->second;
    }
    absl::MutexLock lock(&mutex_);
    return Make(descriptor);
  }

 private:
  // Makes the plans of all types that it reaches as well, before the lock is given up.
  const MessagePlan& Make(const Descriptor* descriptor) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto [entry, added] = messages_.try_emplace(descriptor, nullptr);
    if (!added) return *entry->second;
    entry->second = std::make_unique<MessagePlan>();
    MessagePlan& plan = *entry->second;  // the map may move its entries, but not the plan
    plan.descriptor = descriptor;
    plan.kind = KindOf(descriptor);
    plan.fields.reserve(static_cast<size_t>(descriptor->field_count()));
    bool lists_events = false;
    for (int i = 0; i < descriptor->field_count(); ++i) {
      plan.fields.push_back(MakeField(descriptor->field(i)));
      const FieldPlan& field = plan.fields.back();
      lists_events |= field.repeated && field.message != nullptr &&
                      field.message->descriptor == v1::Event::descriptor();
    }
    for (size_t i = 0; i < plan.fields.size(); ++i) {
      plan.by_name.try_emplace(plan.fields[i].name, i);
      plan.by_name.try_emplace(plan.fields[i].field->json_name(), i);
      plan.by_name.try_emplace(plan.fields[i].field->camelcase_name(), i);
    }
    const FieldDescriptor* cursor = descriptor->FindFieldByName("cursor");
    if (lists_events && cursor != nullptr && !cursor->is_repeated() &&
        cursor->type() == FieldDescriptor::TYPE_STRING) {
      plan.event_cursor = cursor;
    }
    return plan;
  }

  FieldPlan MakeField(const FieldDescriptor* field) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    FieldPlan plan;
    plan.field = field;
    plan.name = field->name();
    plan.heim_key = StrCat(",", Quoted(field->name()), ":");
    plan.canonical_key = StrCat(",", Quoted(field->json_name()), ":");
    plan.kind = KindOf(field);
    plan.map = field->is_map();
    plan.repeated = field->is_repeated() && !plan.map;
    plan.has_presence = field->has_presence();
    if (field->real_containing_oneof() != nullptr) {
      plan.oneof = field->real_containing_oneof()->index();
    }
    if (field->message_type() != nullptr) plan.message = &Make(field->message_type());
    if (field->enum_type() != nullptr) {
      std::unique_ptr<EnumPlan>& enums = enums_[field->enum_type()];
      if (enums == nullptr) enums = MakeEnumPlan(field->enum_type());
      plan.enums = enums.get();
    }
    return plan;
  }

  absl::Mutex mutex_;
  absl::flat_hash_map<const Descriptor*, std::unique_ptr<MessagePlan>> messages_
      ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<const EnumDescriptor*, std::unique_ptr<EnumPlan>> enums_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace

const FieldPlan* MessagePlan::Find(std::string_view name, size_t hint) const {
  // Clients leave fields out more often than they change their order.
  constexpr size_t kNeighbours = 4;
  for (size_t i = hint; i < fields.size() && i < hint + kNeighbours; ++i) {
    if (fields[i].name == name) return &fields[i];
  }
  const auto found = by_name.find(name);
  return found == by_name.end() ? nullptr : &fields[found->second];
}

const MessagePlan& PlanFor(const Descriptor* descriptor) {
  // A pure function's memory; never destroyed, so that threads may outlive main.
  static PlanCache* const cache = new PlanCache();
  return cache->Get(descriptor);
}

std::string EnumPrefix(std::string_view type_name) {
  std::string out;
  for (size_t i = 0; i < type_name.size(); ++i) {
    const char c = type_name[i];
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper && i > 0 && !(type_name[i - 1] >= 'A' && type_name[i - 1] <= 'Z')) {
      out.push_back('_');
    }
    out.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  }
  out.push_back('_');
  return out;
}

}  // namespace heim
