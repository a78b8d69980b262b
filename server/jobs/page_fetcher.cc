#include "server/jobs/page_fetcher.h"

#include <utility>
#include <vector>

#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/jobs/page_head.h"
#include "server/model/preview_limits.h"

namespace heim {
namespace {

absl::Status CheckHtml(const HttpResponse& head) {
  if (head.status / 100 != 2) return absl::UnavailableError("the page is not there");
  const std::string_view type = head.Header("content-type");
  if (StartsWithIgnoreCase(type, "text/html") ||
      StartsWithIgnoreCase(type, "application/xhtml+xml")) {
    return absl::OkStatus();
  }
  return absl::UnavailableError("the page is no HTML");
}

absl::Status CheckPicture(const HttpResponse& head) {
  if (head.status / 100 != 2) return absl::UnavailableError("the picture is not there");
  if (StartsWithIgnoreCase(head.Header("content-type"), "image/")) return absl::OkStatus();
  return absl::UnavailableError("the picture is none");
}

}  // namespace

absl::StatusOr<PreviewPage> PageFetcher::Fetch(const WantedLink& link) {
  PreviewPage page;
  page.key = link.key;
  const absl::Status status = ReadPage(link, &page);
  if (absl::IsCancelled(status)) return status;
  const bool found = status.ok() && !page.found.title().empty();
  if (!found) page.found.Clear();
  page.expires_at = clock_.Now() + (found ? kPreviewPageKept : kPreviewFailureKept);
  return page;
}

absl::Status PageFetcher::ReadPage(const WantedLink& link, PreviewPage* page) {
  EgressRequest request;
  request.url = link.fetch;
  request.headers = {{"Accept", "text/html,application/xhtml+xml"}};
  request.timeout = kPreviewPageTimeout;
  request.max_response_bytes = kPreviewPageMaxBytes;
  request.cut_body = true;
  request.on_head = CheckHtml;
  HEIM_ASSIGN_OR_RETURN(const EgressResponse response, egress_.Send(request));
  const PageHead head = ReadPageHead(response.http.body, response.http.Header("content-type"));
  page->found.set_title(head.title);
  page->found.set_description(head.description);
  page->found.set_site_name(head.site_name);
  if (head.title.empty() || head.image.empty()) return absl::OkStatus();
  const absl::Status picture = AddPicture(response.url, head.image, page);
  // A page without its picture is one, too.
  return absl::IsCancelled(picture) ? picture : absl::OkStatus();
}

absl::Status PageFetcher::AddPicture(const std::string& from, const std::string& image,
                                     PreviewPage* page) {
  HEIM_ASSIGN_OR_RETURN(const Url base, ParseForeignUrl(from));
  HEIM_ASSIGN_OR_RETURN(const Url url, ResolveLocation(base, image));
  if (base.tls && !url.tls) return absl::PermissionDeniedError("a picture over plain http");
  EgressRequest request;
  request.url = UrlText(url);
  request.headers = {{"Accept", "image/webp,image/png,image/jpeg"}};
  request.timeout = kPreviewImageTimeout;
  request.max_response_bytes = kPreviewImageMaxBytes;
  request.on_head = CheckPicture;
  HEIM_ASSIGN_OR_RETURN(const EgressResponse response, egress_.Send(request));
  PictureOrder order;
  order.max_bytes = kPreviewImageMaxBytes;
  order.max_pixels = kPreviewImageMaxPixels;
  order.sides = {kPreviewImagePixels};
  order.shape = PictureOrder::Shape::kWhole;
  HEIM_ASSIGN_OR_RETURN(std::vector<Picture> made, mill_.Make(response.http.body, order));
  Picture& picture = made.front();
  if (picture.webp.size() > kPreviewStoredImageMaxBytes) return absl::OkStatus();
  page->image = std::move(picture.webp);
  page->found.set_image_width(picture.width);
  page->found.set_image_height(picture.height);
  return absl::OkStatus();
}

}  // namespace heim
