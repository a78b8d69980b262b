// The bytes of an import: of the archive as it lies in the blob store, and of the files and
// pictures in it on their way to where they stay. Functions and values of one import, on its own
// thread; they block on the blob store.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/blob/blob.h"
#include "server/service/import_writer.h"
#include "server/service/pictures.h"
#include "server/transfer/record_source.h"

namespace heim {

// An archive in the blob store, read ahead so that small reads cost little.
class BlobSource final : public ByteSource {
 public:
  explicit BlobSource(std::unique_ptr<BlobReader> reader) : reader_(std::move(reader)) {}

  uint64_t size() const override { return reader_->size(); }
  absl::StatusOr<std::string> Read(uint64_t offset, size_t n) override;

 private:
  const std::unique_ptr<BlobReader> reader_;
  std::string ahead_;
  uint64_t ahead_from_ = 0;
};

// Whether the bytes are kept, or only looked at.
enum class BytesUse { kKeep, kLook };

// ImportBytes takes what a record's bytes become. The problem with them is in the record; errors
// are INVALID_ARCHIVE (they are not what the record says) and those of the blob store.
class ImportBytes {
 public:
  // Keys of files are made of `key_base` and their ids: a batch that is tried again stores its
  // files under the same. A large file is left half taken, with CANCELLED, once `stopping` is set.
  ImportBytes(const PictureTools& tools, RecordSource& source, std::string key_base, BytesUse use,
              const std::atomic<bool>& stopping)
      : tools_(tools),
        source_(source),
        key_base_(std::move(key_base)),
        use_(use),
        stopping_(stopping) {}

  absl::Status Take(PreparedRecord* prepared);

 private:
  absl::Status TakeFile(PreparedRecord* prepared);
  absl::Status TakePicture(std::string_view path, const PictureOrder& order, bool keeps_whole,
                           PreparedRecord* prepared);
  absl::StatusOr<std::string> ReadAll(std::string_view path, size_t max_bytes);

  const PictureTools& tools_;
  RecordSource& source_;
  const std::string key_base_;
  const BytesUse use_;
  const std::atomic<bool>& stopping_;
};

}  // namespace heim
