// Secrets inside messages: fields that the contract marks sensitive. Pure; any thread.
#pragma once

#include "google/protobuf/message.h"

namespace heim {

// Clears every sensitive field, also in messages below.
void ClearSensitive(google::protobuf::Message* message);

}  // namespace heim
