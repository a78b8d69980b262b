#include "gateway/http/transcode.h"

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "gateway/json/parse_error.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/struct.pb.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"

namespace heim {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::FieldMask;
using google::protobuf::Message;

constexpr char kUpdateMask[] = "update_mask";

// The message that holds the last field of a dotted path which was checked at start-up.
struct Place {
  Message* message;
  const FieldDescriptor* field;
};

Place Locate(Message* message, std::string_view path) {
  while (true) {
    const size_t dot = path.find('.');
    const auto* field = message->GetDescriptor()->FindFieldByName(std::string(path.substr(0, dot)));
    if (dot == std::string_view::npos) return {message, field};
    message = message->GetReflection()->MutableMessage(message, field);
    path.remove_prefix(dot + 1);
  }
}

// Null unless the request has a FieldMask `update_mask`.
FieldMask* UpdateMask(Message* request) {
  const auto* field = request->GetDescriptor()->FindFieldByName(kUpdateMask);
  if (field == nullptr || field->message_type() != FieldMask::descriptor() ||
      field->is_repeated()) {
    return nullptr;
  }
  return static_cast<FieldMask*>(request->GetReflection()->MutableMessage(request, field));
}

absl::Status RefuseBody(std::string_view body, const JsonOptions& options) {
  google::protobuf::Struct scratch;
  HEIM_RETURN_IF_ERROR(ParseJson(body, options, &scratch));
  if (scratch.fields().empty()) return absl::OkStatus();
  return MakeError(v1::ERROR_REASON_INVALID_ARGUMENT, "This method takes no body");
}

// Gives the keys present in a PATCH's resource.
absl::Status ReadBody(const HttpBinding& binding, std::string_view body, const JsonOptions& options,
                      Message* out, std::vector<std::string>* keys) {
  if (body.empty()) return absl::OkStatus();
  switch (binding.body) {
    case BodyMode::kNone:
      return RefuseBody(body, options);
    case BodyMode::kWhole:
      return ParseJson(body, options, out);
    case BodyMode::kField:
      break;
  }
  Message* resource = out->GetReflection()->MutableMessage(out, binding.body_field);
  return ParseJson(body, options, resource, keys);
}

absl::Status SetVariables(absl::Span<const PathVariable> variables, Message* out) {
  for (const PathVariable& variable : variables) {
    const Place place = Locate(out, variable.field);
    const auto* reflection = place.message->GetReflection();
    if (!reflection->HasField(*place.message, place.field)) {
      HEIM_RETURN_IF_ERROR(SetQueryParameter(out, variable.field, {variable.value}));
      continue;
    }
    // The body repeats the field: the same value, or a contradiction.
    const std::unique_ptr<Message> other(place.message->New());
    HEIM_RETURN_IF_ERROR(SetQueryParameter(other.get(), place.field->name(), {variable.value}));
    const std::unique_ptr<Message> given(place.message->New());
    given->CopyFrom(*place.message);
    std::vector<const FieldDescriptor*> fields;
    reflection->ListFields(*given, &fields);
    for (const auto* field : fields) {
      if (field != place.field) reflection->ClearField(given.get(), field);
    }
    if (given->SerializeAsString() != other->SerializeAsString()) {
      return BadField(variable.field, "differs from the one in the path");
    }
  }
  return absl::OkStatus();
}

bool IsIgnoredParameter(std::string_view name) {
  return name == "pretty" || (!name.empty() && name.front() == '_');
}

// Whether the body owns the field that a query parameter names.
bool OwnedByBody(const HttpBinding& binding, std::string_view name) {
  if (binding.body == BodyMode::kWhole) return true;
  return binding.body == BodyMode::kField &&
         name.substr(0, name.find('.')) == binding.body_field->name();
}

absl::Status SetQuery(const HttpBinding& binding, absl::Span<const QueryParameter> query,
                      bool ignore_unknown, Message* out) {
  std::map<std::string, std::vector<std::string>> grouped;
  for (const QueryParameter& parameter : query) {
    if (!IsIgnoredParameter(parameter.name)) grouped[parameter.name].push_back(parameter.value);
  }
  for (const auto& [name, values] : grouped) {
    const absl::Status status =
        OwnedByBody(binding, name) ? UnknownName(name, "") : SetQueryParameter(out, name, values);
    if (ignore_unknown && IsUnknownField(status)) continue;
    HEIM_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

void SetExpectedRevision(uint32_t revision, Message* out) {
  const auto* field = out->GetDescriptor()->FindFieldByName("expected_revision");
  if (field != nullptr && field->cpp_type() == FieldDescriptor::CPPTYPE_UINT32 &&
      !field->is_repeated()) {
    out->GetReflection()->SetUInt32(out, field, revision);
  }
}

}  // namespace

absl::Status BuildRequest(const HttpBinding& binding, const HttpParts& parts,
                          const JsonOptions& options, Message* out) {
  std::vector<std::string> keys;
  HEIM_RETURN_IF_ERROR(ReadBody(binding, parts.body, options, out, &keys));
  HEIM_RETURN_IF_ERROR(SetVariables(parts.variables, out));
  HEIM_RETURN_IF_ERROR(SetQuery(binding, parts.query, options.ignore_unknown, out));
  if (parts.expected_revision) SetExpectedRevision(*parts.expected_revision, out);
  const bool patches = binding.http_method == "PATCH" && binding.body == BodyMode::kField;
  if (!patches || keys.empty()) return absl::OkStatus();
  FieldMask* mask = UpdateMask(out);
  if (mask == nullptr || mask->paths_size() > 0) return absl::OkStatus();
  for (std::string& key : keys) mask->add_paths(std::move(key));
  return absl::OkStatus();
}

void AppendResponse(const HttpBinding& binding, const Message& response, Dialect dialect,
                    std::string* out) {
  if (binding.response_field == nullptr) return AppendJson(response, dialect, out);
  AppendJson(response.GetReflection()->GetMessage(response, binding.response_field), dialect, out);
}

}  // namespace heim
