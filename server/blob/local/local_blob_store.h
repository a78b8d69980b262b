// LocalBlobStore keeps blobs as files below one directory: <directory>/<2 hex>/<key>, and what is
// being written in <directory>/tmp. Owned by app. Thread-safe. Blocks on the disk.
#pragma once

#include <memory>
#include <string>

#include "server/base/entropy.h"
#include "server/blob/blob.h"

namespace heim {

class LocalBlobStore final : public BlobStore {
 public:
  // Makes the directory if missing and removes what a crash left half written. `entropy` names
  // temporary files and outlives the store. Errors name paths: for the operator.
  static absl::StatusOr<std::unique_ptr<LocalBlobStore>> Create(const std::string& directory,
                                                                Entropy& entropy);

  absl::StatusOr<std::unique_ptr<BlobWriter>> Create() override;
  absl::StatusOr<std::unique_ptr<BlobReader>> Open(std::string_view key) override;
  absl::Status Delete(std::string_view key) override;

 private:
  LocalBlobStore(std::string directory, Entropy& entropy)
      : directory_(std::move(directory)), entropy_(entropy) {}

  const std::string directory_;
  Entropy& entropy_;
};

}  // namespace heim
