// Names of events on the wire, read from the contract. Pure; any thread.
#pragma once

#include <string_view>

#include "absl/types/span.h"
#include "google/protobuf/descriptor.h"
#include "heim/v1/event.pb.h"

namespace heim {

// "message.new"; empty for a payload that this program does not know.
std::string_view WireType(const v1::Event& event);

// The wire_type option of a field; empty when it has none.
std::string_view WireTypeOf(const google::protobuf::FieldDescriptor* field);

// Whether events of this payload never enter the log: typing, presence, chunks and snapshots of
// streams.
bool IsEphemeral(v1::Event::PayloadCase payload);
bool IsEphemeral(const v1::Event& event);

// Wire types of all events, in the order of their field numbers.
absl::Span<const std::string_view> AllEventTypes();

// The payload with this wire type; PAYLOAD_NOT_SET when there is none.
v1::Event::PayloadCase PayloadOfType(std::string_view wire_type);

}  // namespace heim
