// Update masks: which fields of a resource a request changes. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/message.h"

namespace heim {

// The paths to change, without repeats. `allowed` are the paths that a client may change, such as
// "topic" or "agent.description". An empty mask means those of them that are set in `resource`; a
// mask may name a message ("agent") for all that is allowed in it. INVALID_MASK names a path that
// is unknown, or output only (known, not allowed).
absl::StatusOr<std::vector<std::string>> EffectiveMask(const google::protobuf::FieldMask& mask,
                                                       const google::protobuf::Message& resource,
                                                       absl::Span<const std::string_view> allowed);

// Copies the fields at `paths` (of EffectiveMask); what is unset in `from` is cleared in `to`.
// Lists and messages at the end of a path (metadata, config, settings) are replaced whole. Both
// messages have the same type.
void ApplyMask(absl::Span<const std::string> paths, const google::protobuf::Message& from,
               google::protobuf::Message* to);

}  // namespace heim
