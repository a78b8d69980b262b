#include "server/model/preview_settings.h"

#include <algorithm>

#include "google/protobuf/struct.pb.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/base/text.h"
#include "server/model/errors.h"
#include "server/model/preview_limits.h"

namespace heim {
namespace {

constexpr size_t kDomainMaxBytes = 253;

absl::Status BadSetting(std::string_view name, std::string_view expected) {
  return InvalidField(StrCat("settings.link_previews", name), expected);
}

bool IsDomain(std::string_view text) {
  if (text.empty() || text.size() > kDomainMaxBytes || text.front() == '.' || text.back() == '.') {
    return false;
  }
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
}

absl::Status ReadDomains(std::string_view name, const google::protobuf::Value& value,
                         std::vector<std::string>* domains) {
  const std::string expected =
      StrCat("a list of at most ", kPreviewDomainsMax, " domains such as example.com");
  const auto& items = value.list_value().values();
  if (!value.has_list_value() || items.size() > kPreviewDomainsMax) {
    return BadSetting(name, expected);
  }
  for (const google::protobuf::Value& item : items) {
    const std::string domain = AsciiLower(item.string_value());
    if (!IsDomain(domain)) return BadSetting(name, expected);
    domains->push_back(domain);
  }
  return absl::OkStatus();
}

bool IsWithin(std::string_view host, const std::vector<std::string>& domains) {
  return std::any_of(domains.begin(), domains.end(), [&](const std::string& domain) {
    return host == domain || EndsWith(host, StrCat(".", domain));
  });
}

}  // namespace

bool PreviewSettings::AllowsHost(std::string_view host) const {
  return !IsWithin(host, deny) && (allow.empty() || IsWithin(host, allow));
}

absl::StatusOr<PreviewSettings> ReadPreviewSettings(const v1::Workspace& workspace) {
  PreviewSettings settings;
  const auto& fields = workspace.settings().fields();
  const auto found = fields.find(std::string(kLinkPreviewsSetting));
  if (found == fields.end() || found->second.has_null_value()) return settings;
  if (!found->second.has_struct_value()) return BadSetting("", "an object");
  for (const auto& [name, value] : found->second.struct_value().fields()) {
    const std::string place = StrCat(".", name);
    if (name == "people" || name == "agents") {
      if (!value.has_bool_value()) return BadSetting(place, "true or false");
      (name == "people" ? settings.people : settings.agents) = value.bool_value();
    } else if (name == "allow") {
      HEIM_RETURN_IF_ERROR(ReadDomains(place, value, &settings.allow));
    } else if (name == "deny") {
      HEIM_RETURN_IF_ERROR(ReadDomains(place, value, &settings.deny));
    } else {
      return BadSetting(place, "people, agents, allow or deny");
    }
  }
  return settings;
}

}  // namespace heim
