// The rules on what a message says, the same for sending, editing and the end of a stream. Pure;
// any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "google/protobuf/repeated_field.h"
#include "heim/v1/message.pb.h"

namespace heim {

// Makes content and parts what they are stored as: CR LF becomes LF, empty content is filled from
// the parts, parts without an id get "p1", "p2", …. CONTENT_EMPTY without visible text, parts and
// attachments; CONTENT_TOO_LONG naming the limit; INVALID_ARGUMENT for parts without a kind, ids
// used twice, too many parts or attachments, metadata too large or too deep.
absl::Status NormalizeMessageContent(v1::Message* message);

// What parts name must be named: files, sources, approvals, tasks, kinds of data, and calls of
// tools by ids of their own. INVALID_ARGUMENT.
absl::Status CheckPartReferences(const v1::Message& message);

// Whether an edit leaves each call of a tool where it was, or further: pending, awaiting approval,
// running, then one of completed, failed and denied for good. INVALID_ARGUMENT.
absl::Status CheckToolCallProgress(const v1::Message& before, const v1::Message& after);

// The plain text of typed parts: text parts joined by a blank line, nothing of the others.
std::string ContentOfParts(const google::protobuf::RepeatedPtrField<v1::Part>& parts);

}  // namespace heim
