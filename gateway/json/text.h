// The atoms of JSON text: quoted strings, exact numbers, times, base64. Used by the codec, the
// query parameters and the envelopes. Pure functions; any thread; never block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "google/protobuf/duration.pb.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/timestamp.pb.h"

namespace heim {

// Appends `text` (valid UTF-8) with quotes and escapes.
void AppendQuoted(std::string_view text, std::string* out);

// What stands between the quotes of a string, unescaped. Nullopt for an unknown escape or a lone
// surrogate; control characters are the caller's matter.
std::optional<std::string> Unescape(std::string_view body);

void AppendInteger(int64_t value, std::string* out);
void AppendUnsigned(uint64_t value, std::string* out);
// Shortest text that reads back as the same number. Not for NaN and infinities.
void AppendDouble(double value, std::string* out);
void AppendFloat(float value, std::string* out);

// Whether `text` is a number by the grammar of RFC 8259.
bool IsNumber(std::string_view text);

enum class NumberError { kNone, kSyntax, kNotWhole, kRange };
// The exact value of a number literal: "1.0" and "1e3" are whole, "1.5" is not.
NumberError ParseNumber(std::string_view text, int64_t* out);
NumberError ParseNumber(std::string_view text, uint64_t* out);
NumberError ParseNumber(std::string_view text, int32_t* out);
NumberError ParseNumber(std::string_view text, uint32_t* out);
// The nearest double; kRange when there is none but infinity.
NumberError ParseNumber(std::string_view text, double* out);

// How many decimals of a second are written.
enum class Decimals { kHeim /* 3, none when zero */, kCanonical /* 0, 3, 6 or 9 */ };

// RFC 3339 in UTC, clamped to the years 1 to 9999.
void AppendTime(const google::protobuf::Timestamp& time, Decimals decimals, std::string* out);
// Any offset, up to 9 decimals; nullopt for what is no RFC 3339 time.
std::optional<google::protobuf::Timestamp> ParseTime(std::string_view text);

// "60s", "1.5s", "-0.001s".
void AppendSeconds(const google::protobuf::Duration& duration, Decimals decimals, std::string* out);
std::optional<google::protobuf::Duration> ParseSeconds(std::string_view text);

// Paths joined by commas; in `camel` form each as lowerCamelCase.
std::string JoinMask(const google::protobuf::FieldMask& mask, bool camel);
// Both forms are taken. Nullopt for an empty path or other characters than letters, digits, _ and .
std::optional<google::protobuf::FieldMask> SplitMask(std::string_view text);

// Standard alphabet or URL alphabet, strict each.
std::optional<std::string> ParseBase64(std::string_view text);

}  // namespace heim
