#include "gateway/http/http_rule.h"

#include <utility>

#include "google/api/annotations.pb.h"
#include "google/protobuf/descriptor.pb.h"
#include "heim/v1/descriptors.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"

namespace heim {
namespace {

using google::api::HttpRule;
using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::MethodDescriptor;

absl::Status Refuse(const MethodDescriptor& rpc, std::string_view path, std::string_view why) {
  return absl::FailedPreconditionError(StrCat(rpc.full_name(), ": \"", path, "\": ", why));
}

std::pair<std::string, std::string> Pattern(const HttpRule& rule) {
  switch (rule.pattern_case()) {
    case HttpRule::kGet:
      return {"GET", rule.get()};
    case HttpRule::kPut:
      return {"PUT", rule.put()};
    case HttpRule::kPost:
      return {"POST", rule.post()};
    case HttpRule::kDelete:
      return {"DELETE", rule.delete_()};
    case HttpRule::kPatch:
      return {"PATCH", rule.patch()};
    default:
      return {};
  }
}

// The field at the end of a dotted path through singular messages; null when there is none.
const FieldDescriptor* FindField(const Descriptor* message, std::string_view path) {
  while (true) {
    const size_t dot = path.find('.');
    const auto* field = message->FindFieldByName(std::string(path.substr(0, dot)));
    if (field == nullptr || field->is_repeated()) return nullptr;
    if (dot == std::string_view::npos) return field;
    if (field->message_type() == nullptr) return nullptr;
    message = field->message_type();
    path.remove_prefix(dot + 1);
  }
}

absl::StatusOr<TemplateSegment> ReadSegment(const MethodDescriptor& rpc, std::string_view path,
                                            std::string_view text) {
  TemplateSegment segment;
  if (text.empty()) return Refuse(rpc, path, "an empty segment");
  segment.variable = text.front() == '{';
  if (segment.variable) {
    if (text.back() != '}') return Refuse(rpc, path, "a variable must fill its segment");
    text = text.substr(1, text.size() - 2);
    const FieldDescriptor* field = FindField(rpc.input_type(), text);
    if (field == nullptr || field->message_type() != nullptr) {
      return Refuse(rpc, path, StrCat(text, " is no single scalar field of the request"));
    }
  } else if (text.find_first_of("{}*:") != std::string_view::npos) {
    return Refuse(rpc, path, "wildcards and verbs are not served");
  }
  segment.text = std::string(text);
  return segment;
}

// A field of a message type that body and response_body may name.
absl::StatusOr<const FieldDescriptor*> ReadBodyField(const MethodDescriptor& rpc,
                                                     const Descriptor* message,
                                                     const std::string& name) {
  const FieldDescriptor* field = message->FindFieldByName(name);
  if (field == nullptr || field->message_type() == nullptr || field->is_repeated()) {
    return Refuse(rpc, name, StrCat("is no single message field of ", message->full_name()));
  }
  return field;
}

absl::StatusOr<HttpBinding> ReadRule(const MethodDescriptor& rpc, const HttpRule& rule) {
  HttpBinding binding;
  binding.rpc = &rpc;
  std::tie(binding.http_method, binding.path) = Pattern(rule);
  std::string_view rest = binding.path;
  if (rest.empty() || rest.front() != '/') return Refuse(rpc, rest, "must begin with a slash");
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const size_t slash = rest.find('/');
    HEIM_ASSIGN_OR_RETURN(TemplateSegment segment,
                          ReadSegment(rpc, binding.path, rest.substr(0, slash)));
    binding.segments.push_back(std::move(segment));
    rest.remove_prefix(slash == std::string_view::npos ? rest.size() : slash);
  }
  if (rule.body() == "*") {
    binding.body = BodyMode::kWhole;
  } else if (!rule.body().empty()) {
    binding.body = BodyMode::kField;
    HEIM_ASSIGN_OR_RETURN(binding.body_field, ReadBodyField(rpc, rpc.input_type(), rule.body()));
  }
  if (!rule.response_body().empty()) {
    HEIM_ASSIGN_OR_RETURN(binding.response_field,
                          ReadBodyField(rpc, rpc.output_type(), rule.response_body()));
  }
  return binding;
}

}  // namespace

absl::StatusOr<std::vector<HttpBinding>> ReadHttpBindings(
    absl::Span<const MethodDescriptor* const> methods) {
  std::vector<HttpBinding> out;
  for (const MethodDescriptor* rpc : methods) {
    if (!rpc->options().HasExtension(google::api::http)) continue;
    const HttpRule& rule = rpc->options().GetExtension(google::api::http);
    HEIM_ASSIGN_OR_RETURN(HttpBinding binding, ReadRule(*rpc, rule));
    out.push_back(std::move(binding));
    for (const HttpRule& additional : rule.additional_bindings()) {
      HEIM_ASSIGN_OR_RETURN(HttpBinding other, ReadRule(*rpc, additional));
      out.push_back(std::move(other));
    }
  }
  return out;
}

absl::StatusOr<std::vector<const MethodDescriptor*>> ContractMethods() {
  google::protobuf::FileDescriptorSet set;
  const std::string_view bytes = DescriptorSet();
  if (!set.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InternalError("the built-in descriptors cannot be read");
  }
  std::vector<const MethodDescriptor*> out;
  for (const auto& file : set.file()) {
    if (file.package() != "heim.v1") continue;
    for (const auto& service : file.service()) {
      const std::string name = StrCat(file.package(), ".", service.name());
      const auto* found = DescriptorPool::generated_pool()->FindServiceByName(name);
      if (found == nullptr) {
        return absl::InternalError(StrCat("the code of ", name, " is not linked in"));
      }
      for (int i = 0; i < found->method_count(); ++i) out.push_back(found->method(i));
    }
  }
  return out;
}

}  // namespace heim
