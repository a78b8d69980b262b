#include "server/model/mask.h"

#include <algorithm>
#include <memory>

#include "google/protobuf/descriptor.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/limits.h"

namespace heim {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Splits "agent.description" at its first dot.
std::string_view Head(std::string_view path) { return path.substr(0, path.find('.')); }
std::string_view Tail(std::string_view path) {
  const size_t dot = path.find('.');
  return dot == std::string_view::npos ? "" : path.substr(dot + 1);
}

const FieldDescriptor* FieldOf(const Descriptor* type, std::string_view name) {
  return type->FindFieldByName(std::string(name));
}

// Whether the path names a field of this type, output only or not.
bool Exists(const Descriptor* type, std::string_view path) {
  const FieldDescriptor* field = FieldOf(type, Head(path));
  if (field == nullptr) return false;
  const std::string_view rest = Tail(path);
  if (rest.empty()) return path.find('.') == std::string_view::npos;
  return field->message_type() != nullptr && !field->is_repeated() &&
         Exists(field->message_type(), rest);
}

bool IsSet(const Message& message, std::string_view path) {
  const FieldDescriptor* field = FieldOf(message.GetDescriptor(), Head(path));
  if (field == nullptr) return false;
  const Reflection* reflection = message.GetReflection();
  if (field->is_repeated()) return reflection->FieldSize(message, field) > 0;
  if (!reflection->HasField(message, field)) return false;
  const std::string_view rest = Tail(path);
  return rest.empty() || IsSet(reflection->GetMessage(message, field), rest);
}

absl::Status BadPath(std::string_view path, const Descriptor* type,
                     absl::Span<const std::string_view> allowed) {
  std::string text = StrCat("update_mask: ", path);
  if (Exists(type, path)) {
    text += " cannot be changed";
  } else {
    text += " is not a field";
    const auto nearest = Nearest(path, allowed);
    if (nearest.has_value()) StrAppend(&text, "; did you mean ", *nearest, "?");
  }
  return ErrorBuilder(v1::ERROR_REASON_INVALID_MASK, text).Field("update_mask", path).Build();
}

void AddOnce(std::string_view path, std::vector<std::string>* paths) {
  if (std::find(paths->begin(), paths->end(), path) == paths->end()) paths->emplace_back(path);
}

// Copies one field of any type; unset becomes unset.
void CopyField(const Message& from, const FieldDescriptor* field, Message* to) {
  std::unique_ptr<Message> copy(from.New());
  copy->CopyFrom(from);
  from.GetReflection()->SwapFields(copy.get(), to, {field});
}

void ApplyPath(std::string_view path, const Message& from, Message* to) {
  const FieldDescriptor* field = FieldOf(from.GetDescriptor(), Head(path));
  if (field == nullptr) return;
  const std::string_view rest = Tail(path);
  if (rest.empty()) return CopyField(from, field, to);
  const Reflection* reflection = from.GetReflection();
  // What is not there needs no clearing.
  if (!reflection->HasField(from, field) && !reflection->HasField(*to, field)) return;
  ApplyPath(rest, reflection->GetMessage(from, field), reflection->MutableMessage(to, field));
}

}  // namespace

absl::StatusOr<std::vector<std::string>> EffectiveMask(const google::protobuf::FieldMask& mask,
                                                       const Message& resource,
                                                       absl::Span<const std::string_view> allowed) {
  std::vector<std::string> paths;
  if (mask.paths().empty()) {
    for (const std::string_view path : allowed) {
      if (IsSet(resource, path)) AddOnce(path, &paths);
    }
    return paths;
  }
  if (mask.paths_size() > kUpdateMaskMaxPaths) {
    return ErrorBuilder(v1::ERROR_REASON_INVALID_MASK,
                        absl::StrCat("update_mask: at most ", kUpdateMaskMaxPaths, " paths"))
        .Field("update_mask", "too many paths")
        .Build();
  }
  for (const std::string& path : mask.paths()) {
    bool found = false;
    for (const std::string_view known : allowed) {
      if (known == path || StartsWith(known, path + ".")) {
        AddOnce(known, &paths);
        found = true;
      }
    }
    if (!found) return BadPath(path, resource.GetDescriptor(), allowed);
  }
  return paths;
}

void ApplyMask(absl::Span<const std::string> paths, const Message& from, Message* to) {
  for (const std::string& path : paths) ApplyPath(path, from, to);
}

}  // namespace heim
