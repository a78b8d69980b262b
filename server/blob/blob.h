// BlobStore keeps the bytes of files: written once in a stream, read in ranges, deleted whole. It
// knows keys and bytes and nothing of who may read them. Owned by app. Thread-safe; a writer or
// reader is used by one thread at a time. All calls block on the disk or the network: on an
// Executor only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace heim {

inline constexpr size_t kBlobKeyMaxBytes = 128;

// Whether the key is 1 to 128 of a-z 0-9 _ -.
bool IsBlobKey(std::string_view key);

// BlobWriter takes the bytes of one blob. Nobody sees the blob before Commit; without it everything
// written goes, also when the writer is dropped or the process dies.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  // RESOURCE_EXHAUSTED when the disk is full, UNAVAILABLE when the store cannot be reached. After
  // an error only Abort makes sense.
  virtual absl::Status Append(std::string_view bytes) = 0;
  // Names the blob and makes it durable. A blob that has the key is replaced: use fresh keys.
  // INVALID_ARGUMENT for a key that is none; FAILED_PRECONDITION after Commit or Abort.
  virtual absl::Status Commit(std::string_view key) = 0;
  virtual void Abort() = 0;
};

// BlobReader reads a blob as it was when it was opened, also while it is deleted.
class BlobReader {
 public:
  virtual ~BlobReader() = default;
  virtual uint64_t size() const = 0;
  // At most `n` bytes from `offset`; fewer only at the end, none behind it.
  virtual absl::StatusOr<std::string> Read(uint64_t offset, size_t n) = 0;
};

class BlobStore {
 public:
  virtual ~BlobStore() = default;
  virtual absl::StatusOr<std::unique_ptr<BlobWriter>> Create() = 0;
  // NOT_FOUND; INVALID_ARGUMENT for a key that is none.
  virtual absl::StatusOr<std::unique_ptr<BlobReader>> Open(std::string_view key) = 0;
  // OK also when there is no such blob. INVALID_ARGUMENT for a key that is none.
  virtual absl::Status Delete(std::string_view key) = 0;
};

}  // namespace heim
