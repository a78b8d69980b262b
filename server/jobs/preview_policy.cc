#include "server/jobs/preview_policy.h"

#include <utility>

#include "server/base/crypto.h"
#include "server/model/preview_settings.h"
#include "server/net/egress_guard.h"
#include "server/service/message_previews.h"

namespace heim {

std::vector<WantedLink> WantedLinks(const v1::Workspace& workspace, const v1::Message& message) {
  std::vector<WantedLink> wanted;
  if (message.has_deleted_at() || message.state() == v1::MESSAGE_STATE_STREAMING) return wanted;
  const bool by_person = message.actor().type() == v1::ACTOR_TYPE_HUMAN;
  const std::vector<std::string> links = LinksOf(message);
  if (links.empty()) return wanted;
  const auto settings = ReadPreviewSettings(workspace);
  if (!settings.ok() || !(by_person ? settings->people : settings->agents)) return wanted;
  for (const std::string& link : links) {
    auto url = ParseForeignUrl(link);
    if (!url.ok() || !settings->AllowsHost(url->host)) continue;
    if (!by_person) url->target = url->target.substr(0, url->target.find('?'));
    const std::string fetch = UrlText(*url);
    wanted.push_back({link, fetch, HexEncode(Sha256(fetch))});
  }
  return wanted;
}

}  // namespace heim
