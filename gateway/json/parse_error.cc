#include "gateway/json/parse_error.h"

#include <vector>

#include "heim/v1/error.pb.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"

namespace heim {
namespace {

// Input is quoted back only as far as it helps.
constexpr size_t kShownBytes = 128;

std::string Shown(std::string_view text) {
  const std::string_view prefix = Utf8Prefix(text, kShownBytes);
  return StrCat(prefix, prefix.size() < text.size() ? "..." : "");
}

std::string DidYouMean(std::string_view nearest) {
  return nearest.empty() ? std::string() : StrCat("; did you mean \"", nearest, "\"?");
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
  return MakeError(v1::ERROR_REASON_INVALID_JSON,
                   StrCat("Malformed JSON at byte ", offset, ": ", what));
}

absl::Status DuplicateKey(std::string_view path) {
  return MakeError(v1::ERROR_REASON_INVALID_JSON,
                   StrCat("The key \"", Shown(path), "\" occurs twice"));
}

absl::Status UnknownField(std::string_view path, std::string_view key, const MessagePlan* plan) {
  std::vector<std::string_view> names;
  if (plan != nullptr) {
    for (const FieldPlan& field : plan->fields) names.push_back(field.name);
  }
  return UnknownName(path, Nearest(key, names).value_or(""));
}

absl::Status UnknownName(std::string_view path, std::string_view nearest) {
  return ErrorBuilder(v1::ERROR_REASON_UNKNOWN_FIELD,
                      StrCat("Unknown field \"", Shown(path), "\"", DidYouMean(nearest)))
      .Field(Shown(path), nearest.empty() ? std::string("no such field")
                                          : StrCat("the nearest field is ", nearest))
      .Build();
}

bool IsUnknownField(const absl::Status& status) {
  return ReasonOf(status) == v1::ERROR_REASON_UNKNOWN_FIELD;
}

absl::Status UnknownType(std::string_view type, std::string_view nearest) {
  if (type.empty()) {
    return MakeError(v1::ERROR_REASON_UNKNOWN_TYPE, "A frame needs a \"type\"");
  }
  return MakeError(v1::ERROR_REASON_UNKNOWN_TYPE,
                   StrCat("Unknown type \"", Shown(type), "\"", DidYouMean(nearest)));
}

absl::Status BadValue(std::string_view path, std::string_view expected) {
  if (path.empty()) {
    return MakeError(v1::ERROR_REASON_INVALID_ARGUMENT, StrCat("The body must be ", expected));
  }
  return ErrorBuilder(v1::ERROR_REASON_INVALID_ARGUMENT, StrCat(Shown(path), " must be ", expected))
      .Field(Shown(path), StrCat("must be ", expected))
      .Build();
}

absl::Status BadField(std::string_view path, std::string_view description) {
  return ErrorBuilder(v1::ERROR_REASON_INVALID_ARGUMENT, StrCat(Shown(path), " ", description))
      .Field(Shown(path), description)
      .Build();
}

}  // namespace heim
