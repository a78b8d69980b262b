// What is kept of a call's answer for a repeat of the call, where it speaks of a message: when the
// message is deleted, the answer must not go on holding its text. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "google/protobuf/message.h"
#include "heim/v1/message.pb.h"

namespace heim {

// Id of the message that the answer carries; empty for none.
std::string MessageIdIn(const google::protobuf::Message& answer);

// Id of the channel that the answer is about, as far as it says so; empty for none.
std::string ChannelIdIn(const google::protobuf::Message& answer);

// The serialised answer of the method (by its full name) with its message rewritten; empty when the
// method or the bytes are not what they say.
std::string WithRewritten(std::string_view method, std::string_view answer,
                          absl::FunctionRef<void(v1::Message*)> rewrite);

// The same for the answer as a whole.
std::string WithRewrittenAnswer(std::string_view method, std::string_view answer,
                                absl::FunctionRef<void(google::protobuf::Message*)> rewrite);

}  // namespace heim
