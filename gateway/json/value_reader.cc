#include "gateway/json/value_reader.h"

#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "gateway/json/text.h"
#include "gateway/json/token.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/limits.h"

namespace heim {
namespace {

namespace ondemand = simdjson::ondemand;
using google::protobuf::Value;

// Whether the string that begins here is `guess`. The padding behind the text bounds the
// look-ahead.
bool IsKey(const char* begin, std::string_view guess) {
  return !guess.empty() && guess.size() < simdjson::SIMDJSON_PADDING &&
         std::memcmp(begin, guess.data(), guess.size()) == 0 && begin[guess.size()] == '"';
}

// Whole numbers are exact or refused: a double would change a long id without a word.
bool IsExact(std::string_view literal, double value) {
  constexpr size_t kAlwaysExactDigits = 15;
  if (literal.size() <= kAlwaysExactDigits) return true;
  if (literal.find_first_of(".eE") != std::string_view::npos) return true;
  char buffer[400];
  const auto result =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::fixed, 0);
  return std::string_view(buffer, static_cast<size_t>(result.ptr - buffer)) == literal;
}

absl::Status StoreValue(const Scalar& scalar, const JsonPath& path, Value* out) {
  switch (scalar.kind) {
    case Scalar::Kind::kBool:
      out->set_bool_value(scalar.text == "true");
      return absl::OkStatus();
    case Scalar::Kind::kNumber: {
      double number = 0;
      if (ParseNumber(scalar.text, &number) != NumberError::kNone) {
        return BadValue(path.ToString(), "a number (it is out of range)");
      }
      if (!IsExact(scalar.text, number)) {
        return BadValue(path.ToString(),
                        "a string: whole numbers of this size are not kept exactly");
      }
      out->set_number_value(number);
      return absl::OkStatus();
    }
    default:
      out->set_string_value(std::string(scalar.text));
      return absl::OkStatus();
  }
}

}  // namespace

absl::Status ValueReader::ReadEntry(simdjson::simdjson_result<ondemand::field> item,
                                    ObjectEntry* entry, std::string_view guess) {
  ondemand::field field;
  if (const auto error = std::move(item).get(field)) return Malformed(error);
  last_ = field.key().raw() - 1;
  if (IsKey(last_ + 1, guess)) {
    entry->key = guess;
  } else {
    const auto key = KeyText(StringBody(last_ + 1), &entry->storage);
    if (!key) return MalformedHere("a key has a bad escape");
    entry->key = *key;
  }
  entry->value = field.value();
  return absl::OkStatus();
}

std::string_view ValueReader::Token(ondemand::value& value) {
  const std::string_view token = TokenOf(value);
  last_ = token.data();
  return token;
}

absl::Status ValueReader::ReadValue(ondemand::value& value, Value* out, const JsonPath& path,
                                    int depth) {
  const std::string_view token = Token(value);
  if (token == "{") {
    HEIM_RETURN_IF_ERROR(CheckDepth(depth + 1));
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return Malformed(error);
    return ReadStruct(object, out->mutable_struct_value(), path, depth + 1);
  }
  if (token == "[") return ReadList(value, out->mutable_list_value(), path, depth + 1);
  if (token == "null") {
    out->set_null_value(google::protobuf::NULL_VALUE);
    return absl::OkStatus();
  }
  std::string storage;
  const std::optional<Scalar> scalar = ReadScalar(value, token, &storage);
  if (!scalar) return MalformedHere("a value is not well-formed");
  return StoreValue(*scalar, path, out);
}

absl::Status ValueReader::ReadStruct(ondemand::object& object, google::protobuf::Struct* out,
                                     const JsonPath& path, int depth) {
  for (auto item : object) {
    ObjectEntry entry;
    HEIM_RETURN_IF_ERROR(ReadEntry(std::move(item), &entry));
    const JsonPath here{&path, entry.key};
    const auto [slot, added] = out->mutable_fields()->insert({std::string(entry.key), Value()});
    if (!added) return DuplicateKey(here.ToString());
    HEIM_RETURN_IF_ERROR(ReadValue(entry.value, &slot->second, here, depth));
  }
  return absl::OkStatus();
}

absl::Status ValueReader::ReadList(ondemand::value& value, google::protobuf::ListValue* out,
                                   const JsonPath& path, int depth) {
  HEIM_RETURN_IF_ERROR(CheckDepth(depth));
  ondemand::array array;
  if (const auto error = value.get_array().get(array)) return Malformed(error);
  int index = 0;
  for (auto item : array) {
    ondemand::value element;
    if (const auto error = std::move(item).get(element)) return Malformed(error);
    const JsonPath here{&path, "", index++};
    HEIM_RETURN_IF_ERROR(ReadValue(element, out->add_values(), here, depth));
  }
  return absl::OkStatus();
}

absl::Status ValueReader::CheckDepth(int depth) const {
  if (depth <= kJsonMaxDepth) return absl::OkStatus();
  return MalformedHere(StrCat("objects and lists are nested more than ", kJsonMaxDepth, " deep"));
}

absl::Status ValueReader::Malformed(simdjson::error_code error) const {
  const char* where = last_;
  const char* stopped = nullptr;
  if (document_.current_location().get(stopped) == simdjson::SUCCESS && stopped > last_) {
    where = stopped;
  }
  return MalformedJson(Describe(error), static_cast<size_t>(where - base_) + shift_);
}

absl::Status ValueReader::MalformedHere(std::string_view what) const {
  return MalformedJson(what, static_cast<size_t>(last_ - base_) + shift_);
}

}  // namespace heim
