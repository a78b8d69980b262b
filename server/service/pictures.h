// Pictures of actors and emoji between a client's file, the blob store and a download, the same for
// both. Functions; they block on the disk and on making pictures: on the Executor for files only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "heim/v1/file_service.pb.h"
#include "server/base/clock.h"
#include "server/base/executor.h"
#include "server/base/ids.h"
#include "server/blob/blob.h"
#include "server/image/picture_mill.h"
#include "server/service/call.h"
#include "server/service/file_download.h"
#include "server/store/store.h"

namespace heim {

// What services of pictures stand on. All of it outlives the streams that they open.
struct PictureTools {
  Store& store;
  BlobStore& blobs;
  Clock& clock;
  Ids& ids;
  Executor& executor;
  PictureMill& mill;
};

// The pictures of a file, stored under fresh keys. INVALID_IMAGE, QUOTA_EXCEEDED,
// STORE_UNAVAILABLE.
absl::StatusOr<std::vector<StoredPicture>> StorePictures(const PictureTools& tools,
                                                         std::string_view file,
                                                         const PictureOrder& order);

// One picture, stored under a fresh key. QUOTA_EXCEEDED, STORE_UNAVAILABLE.
absl::StatusOr<StoredPicture> StorePicture(const PictureTools& tools, const Picture& picture);

// Deletes blobs that nothing names, behind the call. Never blocks.
void DropPictures(const PictureTools& tools, std::vector<std::string> blob_keys);

// A download of the picture. FILE_NOT_FOUND when its bytes went while the row was read.
absl::StatusOr<std::shared_ptr<FrameSource>> OpenPicture(const PictureTools& tools,
                                                         const StoredPicture& picture,
                                                         const DownloadFrames& frames);

// The part of the hash that stands in a picture's address.
std::string_view VersionOf(const StoredPicture& picture);

}  // namespace heim
