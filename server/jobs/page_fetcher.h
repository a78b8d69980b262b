// PageFetcher looks at a page on the internet for its preview: title, description and picture, the
// picture made anew. Owned by app. Thread-safe. Blocks on the network, within time and size limits,
// and on making the picture: on threads for it only.
#pragma once

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/image/picture_mill.h"
#include "server/jobs/preview_policy.h"
#include "server/net/egress_client.h"
#include "server/store/link_previews.h"

namespace heim {

class PageFetcher {
 public:
  PageFetcher(EgressClient& egress, PictureMill& mill, Clock& clock)
      : egress_(egress), mill_(mill), clock_(clock) {}

  // A page that cannot be had, is refused or says nothing is one without title, kept for a shorter
  // time. The only error is CANCELLED, when the client was stopped.
  absl::StatusOr<PreviewPage> Fetch(const WantedLink& link);

 private:
  absl::Status ReadPage(const WantedLink& link, PreviewPage* page);
  absl::Status AddPicture(const std::string& from, const std::string& image, PreviewPage* page);

  EgressClient& egress_;
  PictureMill& mill_;
  Clock& clock_;
};

}  // namespace heim
