#include "server/model/validation_plan.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "server/model/limits.h"

namespace heim {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

constexpr std::pair<std::string_view, TextFormat> kFormats[] = {
    {"", TextFormat::kNone},         {"id", TextFormat::kId},
    {"slug", TextFormat::kSlug},     {"username", TextFormat::kUsername},
    {"uri", TextFormat::kUri},       {"emoji", TextFormat::kEmoji},
    {"cursor", TextFormat::kCursor}, {"key", TextFormat::kKey},
    {"email", TextFormat::kEmail},   {"link", TextFormat::kLink},
};

TextFormat FormatOf(std::string_view name) {
  for (const auto& [known, format] : kFormats) {
    if (known == name) return format;
  }
  return TextFormat::kNone;  // CheckMethodPolicies refuses it at start-up
}

ValidationPlan::Kind KindOf(const FieldDescriptor* field) {
  using Kind = ValidationPlan::Kind;
  switch (field->type()) {
    case FieldDescriptor::TYPE_STRING:
      return Kind::kText;
    case FieldDescriptor::TYPE_BYTES:
      return Kind::kBytes;
    case FieldDescriptor::TYPE_ENUM:
      return Kind::kEnum;
    case FieldDescriptor::TYPE_MESSAGE: {
      const std::string& type = field->message_type()->full_name();
      if (type == "google.protobuf.Struct") return Kind::kStruct;
      if (type == "google.protobuf.Value") return Kind::kValue;
      if (type == "google.protobuf.Timestamp") return Kind::kTimestamp;
      if (type == "google.protobuf.Duration") return Kind::kDuration;
      return Kind::kMessage;
    }
    default:
      return Kind::kNumber;
  }
}

// Metadata and its like are kept and shown; other free values only pass through.
int MaxDepthOf(const FieldDescriptor* field) {
  const std::string& name = field->name();
  const bool kept = name == "metadata" || name == "config" || name == "settings";
  return kept ? kMetadataMaxDepth : kValueMaxDepth;
}

bool CanBeWrong(const ValidationPlan::Field& field) {
  if (field.kind != ValidationPlan::Kind::kNumber && field.kind != ValidationPlan::Kind::kBytes) {
    return true;
  }
  const v1::FieldRules& rules = *field.rules;
  return rules.required() || rules.has_gte() || rules.has_lte() || rules.max_bytes() > 0 ||
         rules.max_items() > 0;
}

}  // namespace

class PlanCache {
 public:
  const ValidationPlan& Get(const Descriptor* type) ABSL_LOCKS_EXCLUDED(mutex_) {
    {
      absl::ReaderMutexLock lock(&mutex_);
      const auto found = plans_.find(type);
      if (found != plans_.end()) return *found->second;
    }
    absl::MutexLock lock(&mutex_);
    return *Make(type);
  }

 private:
  // Registered before its fields are looked at, so that a type may hold itself. Nobody sees it half
  // made, for the lock is held until all of them are.
  const ValidationPlan* Make(const Descriptor* type) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const auto found = plans_.find(type);
    if (found != plans_.end()) return found->second.get();
    auto owned = std::make_unique<ValidationPlan>();
    ValidationPlan* plan = owned.get();
    plans_.emplace(type, std::move(owned));
    for (int i = 0; i < type->field_count(); ++i) {
      ValidationPlan::Field field;
      field.descriptor = type->field(i);
      field.rules = &field.descriptor->options().GetExtension(v1::rules);
      field.kind = KindOf(field.descriptor);
      field.format = FormatOf(field.rules->format());
      field.max_depth = MaxDepthOf(field.descriptor);
      if (!CanBeWrong(field)) continue;
      if (field.kind == ValidationPlan::Kind::kMessage) {
        field.sub = Make(field.descriptor->message_type());
      }
      plan->fields_.push_back(field);
    }
    return plan;
  }

  absl::Mutex mutex_;
  absl::flat_hash_map<const Descriptor*, std::unique_ptr<ValidationPlan>> plans_
      ABSL_GUARDED_BY(mutex_);
};

bool IsTextFormat(std::string_view name) {
  for (const auto& [known, format] : kFormats) {
    if (known == name) return true;
  }
  return false;
}

const ValidationPlan& ValidationPlan::For(const Descriptor* type) {
  static auto& cache = *new PlanCache;
  return cache.Get(type);
}

}  // namespace heim
