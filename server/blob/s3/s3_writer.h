// S3Writer writes one blob to a bucket; see s3_blob_store.h. Used by one thread at a time; blocks
// on the network.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/blob/blob.h"
#include "server/blob/s3/s3_client.h"

namespace heim {

class S3Writer final : public BlobWriter {
 public:
  // `temporary` is the object that holds a long blob until it is committed.
  S3Writer(S3Client& client, std::string temporary)
      : client_(client), temporary_(std::move(temporary)) {}
  ~S3Writer() override { Abort(); }

  absl::Status Append(std::string_view bytes) override;
  absl::Status Commit(std::string_view key) override;
  void Abort() override;

 private:
  absl::Status PutWhole(std::string_view key);
  absl::Status BeginUpload();
  absl::Status SendPart();
  absl::Status CompleteUpload();
  absl::Status CopyTo(std::string_view key);

  S3Client& client_;
  const std::string temporary_;
  std::string part_;
  std::string upload_id_;  // Empty while there is no upload in parts.
  std::vector<std::string> etags_;
  uint64_t size_ = 0;
  bool completed_ = false;
  bool closed_ = false;
};

}  // namespace heim
