#include "gateway/json/document.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "gateway/json/parse_error.h"
#include "gateway/json/token.h"
#include "gateway/json/value_reader.h"
#include "server/base/status_macros.h"
#include "server/base/text.h"

namespace heim {
namespace {

namespace ondemand = simdjson::ondemand;

struct Workspace {
  ondemand::parser parser;
  std::string padded;
};
constexpr size_t kKeptTextBytes = size_t{64} * 1024;

// Where the fault is that simdjson found before it gave out any token.
size_t FirstFault(std::string_view text, simdjson::error_code error) {
  if (error == simdjson::EMPTY) return 0;
  std::string_view rest = text;
  bool in_string = false;
  while (!rest.empty()) {
    const size_t offset = text.size() - rest.size();
    const char c = rest.front();
    if (!TakeCodePoint(rest)) return offset;
    if (in_string && static_cast<unsigned char>(c) < 0x20) return offset;
    if (in_string && c == '\\' && !rest.empty()) TakeCodePoint(rest);
    if (c == '"') in_string = !in_string;
  }
  return text.size();
}

absl::Status Open(Workspace& workspace, std::string_view text, size_t shift,
                  absl::FunctionRef<absl::Status(ondemand::document&, const char*)> read) {
  workspace.padded.assign(text);
  workspace.padded.append(simdjson::SIMDJSON_PADDING, ' ');
  const char* base = workspace.padded.data();
  ondemand::document document;
  const auto error =
      workspace.parser
          .iterate(simdjson::padded_string_view(base, text.size(), workspace.padded.size()))
          .get(document);
  if (error != simdjson::SUCCESS) {
    return MalformedJson(Describe(error), FirstFault(text, error) + shift);
  }
  return read(document, base);
}

// The whole text of the value, consumed.
simdjson::error_code TakeRaw(ondemand::value& value, std::string_view token,
                             std::string_view* out) {
  if (token == "{") {
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return error;
    return object.raw_json().get(*out);
  }
  if (token == "[") {
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return error;
    return array.raw_json().get(*out);
  }
  std::string storage;
  if (token != "null" && !ReadScalar(value, token, &storage)) return simdjson::TAPE_ERROR;
  *out = token;
  return simdjson::SUCCESS;
}

}  // namespace

absl::Status WithDocument(std::string_view text, size_t shift,
                          absl::FunctionRef<absl::Status(ondemand::document&, const char*)> read) {
  if (text.size() > kKeptTextBytes) {
    const auto workspace = std::make_unique<Workspace>();
    return Open(*workspace, text, shift, read);
  }
  thread_local Workspace workspace;
  return Open(workspace, text, shift, read);
}

absl::Status SplitObject(std::string_view text, std::vector<RawMember>* out) {
  return WithDocument(text, 0, [&](ondemand::document& document, const char* base) {
    ValueReader values(document, base, 0);
    ondemand::object object;
    const simdjson::error_code error = document.get_object().get(object);
    if (error == simdjson::INCORRECT_TYPE)
      return values.MalformedHere("the text is no JSON object");
    if (error != simdjson::SUCCESS) return values.Malformed(error);
    for (auto item : object) {
      ObjectEntry entry;
      HEIM_RETURN_IF_ERROR(values.ReadEntry(std::move(item), &entry));
      const bool known = std::any_of(out->begin(), out->end(), [&](const RawMember& member) {
        return member.key == entry.key;
      });
      if (known) return DuplicateKey(entry.key);
      std::string_view raw;
      if (const auto fault = TakeRaw(entry.value, values.Token(entry.value), &raw)) {
        return values.Malformed(fault);
      }
      const auto offset = static_cast<size_t>(raw.data() - base);
      out->push_back({std::string(entry.key), text.substr(offset, raw.size()), offset});
    }
    if (!AtEnd(document)) return values.MalformedHere("there is text after the object");
    return absl::OkStatus();
  });
}

}  // namespace heim
