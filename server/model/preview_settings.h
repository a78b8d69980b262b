// PreviewSettings is what a workspace says of link previews: `link_previews` in its settings.
// Values and pure functions; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "heim/v1/workspace.pb.h"

namespace heim {

inline constexpr std::string_view kLinkPreviewsSetting = "link_previews";

struct PreviewSettings {
  bool people = true;   // links in messages of people
  bool agents = false;  // links in messages of agents
  // Domains, each with those below it, in lower case. `allow`: empty means all.
  std::vector<std::string> allow;
  std::vector<std::string> deny;

  // Whether pages of that host (in lower case) may be looked at.
  bool AllowsHost(std::string_view host) const;
};

// INVALID_ARGUMENT with the field that is wrong. A workspace that says nothing has the defaults.
absl::StatusOr<PreviewSettings> ReadPreviewSettings(const v1::Workspace& workspace);

}  // namespace heim
