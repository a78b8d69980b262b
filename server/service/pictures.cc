#include "server/service/pictures.h"

#include <utility>

#include "server/base/crypto.h"
#include "server/base/log.h"
#include "server/base/sha256.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/service/file_upload.h"

namespace heim {
namespace {

constexpr size_t kVersionLength = 16;

}  // namespace

absl::StatusOr<StoredPicture> StorePicture(const PictureTools& tools, const Picture& picture) {
  StoredPicture stored;
  stored.blob_key = tools.ids.NewId();
  stored.size_bytes = static_cast<int64_t>(picture.webp.size());
  stored.sha256 = HexEncode(Sha256(picture.webp));
  auto writer = tools.blobs.Create();
  if (!writer.ok()) return StorageFault(writer.status());
  HEIM_RETURN_IF_ERROR(StorageFault((*writer)->Append(picture.webp)));
  HEIM_RETURN_IF_ERROR(StorageFault((*writer)->Commit(stored.blob_key)));
  return stored;
}

absl::StatusOr<std::vector<StoredPicture>> StorePictures(const PictureTools& tools,
                                                         std::string_view file,
                                                         const PictureOrder& order) {
  const auto pictures = tools.mill.Make(file, order);
  if (absl::IsInvalidArgument(pictures.status())) {
    return MakeError(v1::ERROR_REASON_INVALID_IMAGE,
                     StrCat("The picture is not taken: ", ToStd(pictures.status().message())));
  }
  if (!pictures.ok()) return pictures.status();
  std::vector<StoredPicture> stored;
  for (const Picture& picture : *pictures) {
    auto one = StorePicture(tools, picture);
    if (!one.ok()) {
      std::vector<std::string> keys;
      for (const StoredPicture& before : stored) keys.push_back(before.blob_key);
      DropPictures(tools, std::move(keys));
      return one.status();
    }
    stored.push_back(*std::move(one));
  }
  return stored;
}

void DropPictures(const PictureTools& tools, std::vector<std::string> blob_keys) {
  if (blob_keys.empty()) return;
  const bool posted = tools.executor.TryPost([&blobs = tools.blobs, keys = std::move(blob_keys)] {
    for (const std::string& key : keys) (void)StorageFault(blobs.Delete(key));
  });
  if (!posted) LogWarn("Bytes of a picture that is gone stay behind: too much to do");
}

absl::StatusOr<std::shared_ptr<FrameSource>> OpenPicture(const PictureTools& tools,
                                                         const StoredPicture& picture,
                                                         const DownloadFrames& frames) {
  auto reader = tools.blobs.Open(picture.blob_key);
  if (absl::IsNotFound(reader.status())) return FileNotFound();
  if (!reader.ok()) return StorageFault(reader.status());
  v1::DownloadHeader header;
  v1::File& file = *header.mutable_file();
  file.set_filename(StrCat(VersionOf(picture), ".webp"));
  file.set_mime_type("image/webp");
  file.set_size_bytes(picture.size_bytes);
  file.set_sha256(picture.sha256);
  header.set_length(picture.size_bytes);
  return std::shared_ptr<FrameSource>(FileDownload::Open(std::move(header), *std::move(reader),
                                                         tools.clock, tools.executor, frames));
}

std::string_view VersionOf(const StoredPicture& picture) {
  return std::string_view(picture.sha256).substr(0, kVersionLength);
}

}  // namespace heim
