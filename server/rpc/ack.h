// What a session's `ack` names beside `ok`, by the method's policy: "name=path.in.response". Pure
// functions; any thread; never block.
#pragma once

#include "absl/status/status.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "heim/v1/event_service.pb.h"
#include "heim/v1/options.pb.h"

namespace heim {

// Whether each path leads from the response to a field of the type that the ack's field has.
absl::Status CheckAckPaths(const v1::MethodPolicy& policy,
                           const google::protobuf::Descriptor& response);

// The ack of a command that answered `response`. The paths were checked at start-up.
v1::ReplyAck MakeAck(const v1::MethodPolicy& policy, const google::protobuf::Message& response);

}  // namespace heim
