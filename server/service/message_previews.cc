#include "server/service/message_previews.h"

#include <algorithm>
#include <utility>

#include "server/base/status_macros.h"
#include "server/model/links.h"
#include "server/model/preview_limits.h"

namespace heim {

std::vector<std::string> LinksOf(const v1::Message& message) {
  return FindLinks(message.content(), message.content_type(), kPreviewLinksMax);
}

absl::StatusOr<bool> DropPreviews(WriteTx& tx, v1::Message* message,
                                  const std::function<bool(const std::string& url)>& goes) {
  google::protobuf::RepeatedPtrField<v1::LinkPreview> kept;
  bool dropped = false;
  for (v1::LinkPreview& preview : *message->mutable_previews()) {
    if (!goes(preview.url())) {
      *kept.Add() = std::move(preview);
      continue;
    }
    dropped = true;
    if (!preview.has_image_file_id()) continue;
    HEIM_RETURN_IF_ERROR(
        tx.files.ReleaseFile(FileId(preview.image_file_id()), MessageId(message->id())));
  }
  message->mutable_previews()->Swap(&kept);
  return dropped;
}

absl::StatusOr<bool> DropUnlinkedPreviews(WriteTx& tx, v1::Message* message) {
  if (message->previews().empty()) return false;
  const std::vector<std::string> links = LinksOf(*message);
  return DropPreviews(tx, message, [&](const std::string& url) {
    return std::find(links.begin(), links.end(), url) == links.end();
  });
}

}  // namespace heim
