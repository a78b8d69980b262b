// The JSON of the gateway: protobuf messages to and from text, driven by descriptors, in two
// dialects. Free functions; any thread; nothing blocks (a plan for each message type is made at its
// first use, under a lock, and kept for ever: descriptors must live as long as the process).
//
// Heim JSON (REST, WebSocket, SSE): proto names; enums lower-case without their type's prefix; 64
// bit as a number up to 2^53-1; times in UTC with 3 decimals or none. Fields of type heim.v1.Event
// are written as the envelope of a socket. Canonical is ProtoJSON, for Connect.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "google/protobuf/message.h"
#include "google/protobuf/struct.pb.h"

namespace heim {

enum class Dialect { kHeim, kCanonical };

struct JsonOptions {
  Dialect dialect = Dialect::kHeim;
  // Unknown keys are skipped (but still have to be well-formed). Canonical input always skips them.
  bool ignore_unknown = false;
};

// Reads one JSON object and nothing around it into `out`, which is cleared first. Strict RFC 8259
// in UTF-8, at most kJsonMaxDepth levels. Takes proto names and camelCase; null leaves a field
// unset (a google.protobuf.Value keeps it). All errors are INVALID_ARGUMENT with the reason
//   INVALID_JSON      malformed (with the byte offset), too deep, or a repeated key
//   UNKNOWN_FIELD     names the key's path and the nearest known one
//   INVALID_ARGUMENT  a value of another type or out of range; names the field and what is expected
// `keys_present`, when not null, gets the proto paths of the keys in the text, for update masks:
// leaves of nested messages; lists, maps and well-known types (so metadata, config, settings) as a
// whole; null counts as present. After an error `out` and `keys_present` hold no promise.
absl::Status ParseJson(std::string_view text, const JsonOptions& options,
                       google::protobuf::Message* out,
                       std::vector<std::string>* keys_present = nullptr);

// Appends `message` as one JSON object (or what its well-known type is in JSON).
void AppendJson(const google::protobuf::Message& message, Dialect dialect, std::string* out);

// AppendJson into a string of its own, in Heim JSON.
std::string ToJson(const google::protobuf::Message& message);

// Sets the field at the dotted `path` from query parameters, by the rules of Heim JSON scalars;
// several values only for lists, which are appended to. A scalar given twice is INVALID_ARGUMENT,
// also across calls when it was set to something else than its default before.
absl::Status SetQueryParameter(google::protobuf::Message* message, std::string_view path,
                               absl::Span<const std::string> values);

// A message as the Struct that its Heim JSON describes, and back (strictly).
absl::StatusOr<google::protobuf::Struct> MessageToStruct(const google::protobuf::Message& message);
absl::Status StructToMessage(const google::protobuf::Struct& value,
                             google::protobuf::Message* message);

}  // namespace heim
