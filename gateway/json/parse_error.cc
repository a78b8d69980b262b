#include "gateway/json/parse_error.h"

#include "server/base/strings.h"
#include "server/base/text.h"

namespace heim {
namespace {

absl::Status Make(std::string_view reason, std::string_view text) {
  absl::Status s = absl::InvalidArgumentError(ToAbsl(text));
  s.SetPayload("r", absl::Cord(ToAbsl(reason)));
  return s;
}

}  // namespace

std::string JsonPath::ToString() const {
  std::string out = parent == nullptr ? std::string() : parent->ToString();
  if (index >= 0) {
    StrAppend(&out, "[", index, "]");
  } else if (!name.empty()) {
    StrAppend(&out, out.empty() ? "" : ".", name);
  }
  return out;
}

absl::Status MalformedJson(std::string_view what, size_t offset) {
  return Make("INVALID_JSON", StrCat("Malformed JSON at byte ", offset, ": ", what));
}
absl::Status DuplicateKey(std::string_view path) {
  return Make("INVALID_JSON", StrCat("The key \"", path, "\" stands there twice"));
}
absl::Status UnknownField(std::string_view path, std::string_view key, const MessagePlan* plan) {
  std::vector<std::string_view> names;
  if (plan != nullptr) {
    for (const FieldPlan& field : plan->fields) names.push_back(field.name);
  }
  return UnknownName(path, Nearest(key, names).value_or(""));
}
absl::Status UnknownName(std::string_view path, std::string_view nearest) {
  return Make("UNKNOWN_FIELD", StrCat("Unknown field \"", path, "\"",
                                      nearest.empty() ? "" : "; did you mean ", nearest));
}
bool IsUnknownField(const absl::Status& status) {
  return status.GetPayload("r").value_or(absl::Cord()) == "UNKNOWN_FIELD";
}
absl::Status UnknownType(std::string_view type, std::string_view nearest) {
  return Make("UNKNOWN_TYPE", StrCat(type, nearest));
}
absl::Status BadValue(std::string_view path, std::string_view expected) {
  return Make("INVALID_ARGUMENT", StrCat(path, " must be ", expected));
}
absl::Status BadField(std::string_view path, std::string_view description) {
  return Make("INVALID_ARGUMENT", StrCat(path, " ", description));
}

}  // namespace heim
