// S3BlobStore keeps blobs as objects of one bucket, named by their key. Owned by app. Thread-safe.
// Blocks on the network. Errors never hold a key of the account.
//
// A blob of up to one part is one PUT when it is committed. A longer one is uploaded in parts under
// tmp/ (its key is not known yet), put together, copied to its key by the server and removed there;
// memory holds one part. What a crash leaves is below tmp/, for a lifecycle rule to remove: no blob
// key has a slash.
//
// Where it does less than blob.h says: a reader has the first 64 KiB for good; of a longer blob
// that is deleted or replaced while it is read, the rest is NOT_FOUND.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/entropy.h"
#include "server/blob/blob.h"
#include "server/blob/s3/s3_client.h"
#include "server/net/http_client.h"

namespace heim {

class S3BlobStore final : public BlobStore {
 public:
  // The least that S3 takes as a part that is not the last.
  static constexpr size_t kPartBytes = size_t{5} << 20;
  // The most that S3 copies at once. Append answers RESOURCE_EXHAUSTED beyond.
  static constexpr uint64_t kMaxBytes = uint64_t{5} << 30;

  // `clock` and `entropy` outlive the store and its writers and readers; so does the store.
  static absl::StatusOr<std::unique_ptr<S3BlobStore>> Create(S3Options options, Clock& clock,
                                                             Entropy& entropy);

  // Asks for the bucket. NOT_FOUND when there is none, PERMISSION_DENIED, UNAVAILABLE.
  absl::Status CheckBucket();

  absl::StatusOr<std::unique_ptr<BlobWriter>> Create() override;
  absl::StatusOr<std::unique_ptr<BlobReader>> Open(std::string_view key) override;
  absl::Status Delete(std::string_view key) override;

 private:
  S3BlobStore(S3Options options, std::unique_ptr<HttpClient> http, Clock& clock, Entropy& entropy)
      : http_(std::move(http)),
        entropy_(entropy),
        client_(std::move(options), *http_, clock, entropy) {}

  const std::unique_ptr<HttpClient> http_;
  Entropy& entropy_;
  S3Client client_;
};

}  // namespace heim
