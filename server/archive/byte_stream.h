// ByteStream is a run of bytes that is read once, from the front. Owned by its reader. One thread
// at a time; reading may block on the disk.
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"

namespace heim {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  // Fills at most `n` bytes of `out` and returns how many; 0 only at the end. DATA_LOSS for damaged
  // data; what the storage below says for the rest. After an error nothing more is read.
  virtual absl::StatusOr<size_t> Read(char* out, size_t n) = 0;
};

}  // namespace heim
