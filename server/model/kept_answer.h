// What is kept of a call's answer for a repeat of the call, where it speaks of a message: when the
// message is deleted, the answer must not go on holding its text. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "google/protobuf/message.h"
#include "heim/v1/message.pb.h"

namespace heim {

// Id of the message that the answer carries; empty for none.
std::string MessageIdIn(const google::protobuf::Message& answer);

// The serialised answer of the method (by its full name) with the tombstone in the message's place;
// empty when the method or the bytes are not what they say.
std::string WithTombstone(std::string_view method, std::string_view answer,
                          const v1::Message& tombstone);

}  // namespace heim
