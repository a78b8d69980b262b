// Validation of requests by the rules that their fields carry in the contract. Thread-safe: the
// plan of a message type is made at its first use, under a lock, and kept for the process, so
// descriptors must live as long. Never blocks.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "google/protobuf/struct.pb.h"

namespace heim {

// Checks `request` and all that is in it; the first error names the field as in
// "parts[2].tool_call.name". Rules on a list of strings hold for each item; an unset or empty field
// is only checked for `required`. Beyond the rules: valid UTF-8, no NUL, no unknown enum numbers,
// times and durations in range, free values not nested too deep. INVALID_ARGUMENT, or
// INVALID_EMOJI and INVALID_CURSOR for those formats.
absl::Status Validate(const google::protobuf::Message& request);

// 2 to 32 of [a-z0-9._-], with no dot at either end (a full stop after a mention is not its part).
bool IsUsername(std::string_view text);
// Names that mean something else in a mention or are the server's own; in any case of letters.
bool IsReservedUsername(std::string_view text);
// [a-z0-9][a-z0-9_-]{0,79}
bool IsSlug(std::string_view text);
bool IsEmail(std::string_view text);
// http or https with a host, without credentials, spaces or controls.
bool IsHttpUri(std::string_view text);
// What a person may follow: IsHttpUri, or mailto with an address and perhaps a query.
bool IsLink(std::string_view text);

// Levels of nesting: 0 for an empty Struct or a scalar, 1 for {"a": 1}.
int DepthOf(const google::protobuf::Struct& value);
int DepthOf(const google::protobuf::Value& value);

// Start-up check of the contract: every method of `services` has a policy with a rate class and
// known scopes; in the messages that they reach within their package, every rule has a known
// format, json_name equals the field's name, and short enum names do not collide.
// FAILED_PRECONDITION naming the first fault.
absl::Status CheckMethodPolicies(
    absl::Span<const google::protobuf::ServiceDescriptor* const> services);

}  // namespace heim
