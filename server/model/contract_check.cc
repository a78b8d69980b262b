// CheckMethodPolicies (validate.h): what no compiler and no linter of the contract checks.
#include <map>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/scopes.h"
#include "server/model/validate.h"
#include "server/model/validation_plan.h"

namespace heim {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;

absl::Status Fault(const std::string& name, const std::string& what) {
  return absl::FailedPreconditionError(absl::StrCat(name, ": ", what));
}

class ContractCheck {
 public:
  absl::Status Method(const MethodDescriptor* method) {
    if (!method->options().HasExtension(v1::policy)) {
      return Fault(method->full_name(), "the method has no policy");
    }
    const v1::MethodPolicy& policy = method->options().GetExtension(v1::policy);
    if (policy.rate_class() == v1::RATE_CLASS_UNSPECIFIED) {
      return Fault(method->full_name(), "its policy names no rate class");
    }
    for (const std::string& scope : policy.scopes()) {
      if (!IsKnownScope(scope)) return Fault(method->full_name(), "unknown scope " + scope);
    }
    package_ = method->file()->package();
    HEIM_RETURN_IF_ERROR(Message(method->input_type()));
    return Message(method->output_type());
  }

 private:
  absl::Status Message(const Descriptor* type) {
    if (type->file()->package() != package_ || !messages_.insert(type).second) {
      return absl::OkStatus();
    }
    for (int i = 0; i < type->field_count(); ++i) {
      HEIM_RETURN_IF_ERROR(Field(type->field(i)));
    }
    return absl::OkStatus();
  }

  absl::Status Field(const FieldDescriptor* field) {
    if (field->json_name() != field->name()) {
      return Fault(field->full_name(), "json_name is " + field->json_name());
    }
    const v1::FieldRules& rules = field->options().GetExtension(v1::rules);
    if (!IsTextFormat(rules.format())) {
      return Fault(field->full_name(), "unknown format " + rules.format());
    }
    if (!rules.format().empty() && field->type() != FieldDescriptor::TYPE_STRING) {
      return Fault(field->full_name(), "a format is for strings");
    }
    if (rules.max_items() > 0 && !field->is_repeated()) {
      return Fault(field->full_name(), "max_items is for lists");
    }
    if (field->enum_type() != nullptr) return Enum(field->enum_type());
    return field->message_type() != nullptr ? Message(field->message_type()) : absl::OkStatus();
  }

  // In JSON a value is its name without the type's prefix, in lower case.
  absl::Status Enum(const EnumDescriptor* type) {
    if (type->file()->package() != package_ || !enums_.insert(type).second) {
      return absl::OkStatus();
    }
    std::string prefix;
    for (const char c : type->name()) {
      if (absl::ascii_isupper(static_cast<unsigned char>(c)) && !prefix.empty()) prefix += '_';
      prefix += absl::ascii_toupper(static_cast<unsigned char>(c));
    }
    prefix += '_';
    std::map<std::string, std::string> short_names;
    for (int i = 0; i < type->value_count(); ++i) {
      const std::string& name = type->value(i)->name();
      if (!StartsWith(name, prefix) || name.size() == prefix.size()) {
        return Fault(type->full_name(), absl::StrCat(name, " does not begin with ", prefix));
      }
      const auto [other, fresh] =
          short_names.emplace(absl::AsciiStrToLower(name.substr(prefix.size())), name);
      if (!fresh) {
        return Fault(type->full_name(), absl::StrCat(name, " and ", other->second, " collide"));
      }
    }
    return absl::OkStatus();
  }

  std::string package_;
  std::set<const Descriptor*> messages_;
  std::set<const EnumDescriptor*> enums_;
};

}  // namespace

absl::Status CheckMethodPolicies(
    absl::Span<const google::protobuf::ServiceDescriptor* const> services) {
  ContractCheck check;
  for (const google::protobuf::ServiceDescriptor* service : services) {
    for (int i = 0; i < service->method_count(); ++i) {
      HEIM_RETURN_IF_ERROR(check.Method(service->method(i)));
    }
  }
  return absl::OkStatus();
}

}  // namespace heim
