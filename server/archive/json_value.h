// One JSON text as a value, and the members of objects of which nothing is sure. Pure functions;
// any thread; never block. A door to simdjson.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/struct.pb.h"

namespace heim {

// Values that one text may hold, so that its size bounds the memory.
inline constexpr size_t kJsonValuesMax = 500'000;
inline constexpr int kForeignJsonMaxDepth = 64;

// Strict JSON in UTF-8. INVALID_ARGUMENT for what is none, RESOURCE_EXHAUSTED for too many values
// or levels.
absl::StatusOr<google::protobuf::Value> ParseJsonValue(std::string_view text);

using JsonObject = google::protobuf::Struct;

// Members by key: empty, 0, false or an empty object or list when there is none of this kind.
const std::string& TextOf(const JsonObject& object, const std::string& key);
bool FlagOf(const JsonObject& object, const std::string& key);
const JsonObject& ObjectOf(const JsonObject& object, const std::string& key);
const google::protobuf::ListValue& ListOf(const JsonObject& object, const std::string& key);
// A whole number, as such or in a text, that int64 holds.
std::optional<int64_t> WholeOf(const JsonObject& object, const std::string& key);
// The object that a list's item is; empty when it is none.
const JsonObject& ObjectOf(const google::protobuf::Value& value);

}  // namespace heim
