// One scalar token of a simdjson document, checked to the letter. Only the reading half of the
// codec includes this. Stateless; any thread; never blocks.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

#include "gateway/json/scalar.h"

namespace heim {

// The token that `value` begins with, without the whitespace behind it.
std::string_view TokenOf(simdjson::ondemand::value& value);

// What stands between the quotes, given the place of the first character behind the opening quote.
// Simdjson has made sure that there is a closing one.
std::string_view StringBody(const char* begin);

// The text of a key, unescaped into `storage` only when it has escapes; nullopt for a bad escape.
std::optional<std::string_view> KeyText(std::string_view body, std::string* storage);

// Reads number, string, true and false; consumes the value. Nullopt when the token is malformed.
// `null` is the caller's matter. The text may point into `storage`.
std::optional<Scalar> ReadScalar(simdjson::ondemand::value& value, std::string_view token,
                                 std::string* storage);

// Whether the whole text has been read.
bool AtEnd(simdjson::ondemand::document& document);

// What a simdjson error means, for people.
std::string_view Describe(simdjson::error_code error);

}  // namespace heim
