// Which scopes a role can hold at all. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/types/span.h"
#include "heim/v1/workspace.pb.h"

namespace heim {

// What a session of a member with this role holds: everything, admin:* for owners and admins only.
std::vector<std::string> SessionScopes(v1::WorkspaceRole role);

// Those of `granted` that the role can hold, in their order.
std::vector<std::string> AllowedScopes(absl::Span<const std::string> granted,
                                       v1::WorkspaceRole role);

}  // namespace heim
