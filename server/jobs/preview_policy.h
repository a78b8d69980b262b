// Which links of a message are looked at, and by which address. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "heim/v1/message.pb.h"
#include "heim/v1/workspace.pb.h"

namespace heim {

struct WantedLink {
  std::string url;    // as the text has it
  std::string fetch;  // what is asked for: without fragment, and of an agent without query
  std::string key;    // of the page
};

// Of a message that is there and complete; none when the workspace does not want previews of its
// author's links. An agent's query stays behind: it may carry what the agent was talked into
// telling, and nobody has clicked.
std::vector<WantedLink> WantedLinks(const v1::Workspace& workspace, const v1::Message& message);

}  // namespace heim
