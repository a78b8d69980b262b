// The writing half of the codec, for the files of this folder. Stateless but for its arguments; any
// thread; never blocks.
#pragma once

#include <string>
#include <string_view>

#include "gateway/json/codec.h"
#include "gateway/json/plan.h"
#include "google/protobuf/message.h"

namespace heim {

struct WriteContext {
  Dialect dialect = Dialect::kHeim;
  // Epoch of the cursors that durable events are written with. Empty: they are written without.
  std::string_view epoch;
};

void WriteMessage(const google::protobuf::Message& message, const MessagePlan& plan,
                  const WriteContext& context, std::string* out);

}  // namespace heim
