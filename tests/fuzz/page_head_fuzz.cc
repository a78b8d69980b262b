// Heads of pages from anywhere: texts are valid, on one line, short, and without what deceives.
#include <string>

#include "server/base/text.h"
#include "server/jobs/page_head.h"
#include "server/model/links.h"
#include "server/model/preview_limits.h"
#include "tests/fuzz/fuzz.h"

namespace {

void CheckText(const std::string& text, size_t max_length) {
  FUZZ_CHECK(heim::IsValidUtf8(text));
  // The mark of what was cut comes on top; a composed character may be of fewer.
  FUZZ_CHECK(heim::Utf8Length(text) <= max_length + 1);
  FUZZ_CHECK(heim::StripUnsafeControls(text) == text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = heim::FuzzText(data, size);
  // The first line is the content type.
  const size_t line = std::min(text.find('\n'), text.size());
  const heim::PageHead head = heim::ReadPageHead(text.substr(line), text.substr(0, line));
  CheckText(head.title, heim::kPreviewTitleMaxLength);
  CheckText(head.description, heim::kPreviewDescriptionMaxLength);
  CheckText(head.site_name, heim::kPreviewSiteMaxLength);
  FUZZ_CHECK(head.image.size() <= heim::kPreviewLinkMaxBytes);
  for (const std::string& link : heim::FindLinks(text, heim::v1::CONTENT_TYPE_MARKDOWN, 5)) {
    FUZZ_CHECK(link.size() <= heim::kPreviewLinkMaxBytes);
    FUZZ_CHECK(text.find(link) != std::string_view::npos);
  }
  return 0;
}
