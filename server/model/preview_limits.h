// The limits of link previews; a part of limits.h in a file of its own, which fewer files have to
// read. Constants only; docs/limits.md shows them too.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace heim {

// Links of a message that are looked at, and how long such a link is.
inline constexpr size_t kPreviewLinksMax = 5;
inline constexpr size_t kPreviewLinkMaxBytes = 2048;
// What is read of a page and of its picture.
inline constexpr size_t kPreviewPageMaxBytes = 512u << 10;
inline constexpr size_t kPreviewImageMaxBytes = 5u << 20;
inline constexpr uint64_t kPreviewImageMaxPixels = 25'000'000;
inline constexpr absl::Duration kPreviewPageTimeout = absl::Seconds(8);
inline constexpr absl::Duration kPreviewImageTimeout = absl::Seconds(8);
// After this no further page of the message is begun, and after that none at all: slow pages of one
// sender are not to hold up everybody's for ever.
inline constexpr absl::Duration kPreviewMessageTime = absl::Seconds(20);
inline constexpr absl::Duration kPreviewLate = absl::Minutes(10);
// What is kept of them. Characters are code points.
inline constexpr size_t kPreviewTitleMaxLength = 200;
inline constexpr size_t kPreviewDescriptionMaxLength = 500;
inline constexpr size_t kPreviewSiteMaxLength = 80;
inline constexpr uint32_t kPreviewImagePixels = 400;
inline constexpr size_t kPreviewStoredImageMaxBytes = 128u << 10;
// For how long a page is not asked again: one that said something, and one that did not.
inline constexpr absl::Duration kPreviewPageKept = absl::Hours(6);
inline constexpr absl::Duration kPreviewFailureKept = absl::Minutes(30);
inline constexpr uint32_t kPreviewPagesPerWorkspace = 200;
// Domains in each of the lists of a workspace's settings.
inline constexpr int kPreviewDomainsMax = 200;

}  // namespace heim
