// What the audit log tells of a thing before and after a change: its changed fields as flat, short
// values under dotted names. Pure; any thread.
//
// Never among them: fields marked sensitive, texts of messages, addresses of people, counters and
// other noise. Free data, names of files, and names of channels that are not public are told to
// have changed, and read "(hidden)". Actors are their ids.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "google/protobuf/message.h"
#include "google/protobuf/struct.pb.h"

namespace heim {

struct AuditChange {
  std::optional<google::protobuf::Struct> before;
  std::optional<google::protobuf::Struct> after;

  // Both sides are there, and nothing that is told differs.
  bool nothing() const {
    return before.has_value() && after.has_value() && before->fields().empty() &&
           after->fields().empty();
  }
};

// Null: there is nothing on that side.
AuditChange ChangeForAudit(const google::protobuf::Message* before,
                           const google::protobuf::Message* after);

// Text from outside as the audit log keeps it: without controls and what fools a reader, cut.
std::string AuditText(std::string_view text);

}  // namespace heim
