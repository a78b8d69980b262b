// What the log's rows hold besides the event itself. Pure; any thread.
#pragma once

#include <string>

#include "heim/v1/event.pb.h"

namespace heim {

// Id of the message that the event carries and that its row is to be found by; empty for none. The
// plain message.new has none, because it stands at its message's created_position.
std::string IndexedMessageOf(const v1::Event& event);

}  // namespace heim
