// The records of a long text, one at a time, so that a file of any size is read in little memory:
// JsonElements gives the elements of one JSON array as text, JsonLines the lines of JSON Lines.
// Neither checks what is within a record. Owned by whoever reads; one thread; blocks on its stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/archive/byte_stream.h"

namespace heim {

// A buffered view of a stream, one byte after the other.
class ByteCursor {
 public:
  explicit ByteCursor(std::unique_ptr<ByteStream> stream);
  // The next byte, or -1 at the end.
  absl::StatusOr<int> Next();
  // What is left in the buffer, after Next(); Skip() takes it.
  std::string_view Ahead() const;
  void Skip(size_t n) { at_ += n; }

 private:
  std::unique_ptr<ByteStream> stream_;
  std::string buffer_;
  size_t at_ = 0;
  size_t end_ = 0;
};

class JsonElements {
 public:
  JsonElements(std::unique_ptr<ByteStream> stream, size_t max_bytes)
      : in_(std::move(stream)), max_bytes_(max_bytes) {}

  // False at the end. RESOURCE_EXHAUSTED for an element that is longer than may be: reading on
  // gives the next. After any other error nothing more is read: INVALID_ARGUMENT when this is no
  // array, or is cut off.
  absl::StatusOr<bool> Next(std::string* element);
  // Elements returned or refused so far: the number of the last one, from 1.
  uint64_t count() const { return count_; }

 private:
  enum class State { kStart, kElements, kEnd, kBroken };
  absl::StatusOr<int> NextVisible();
  absl::StatusOr<bool> Element(int first, std::string* element);

  ByteCursor in_;
  const size_t max_bytes_;
  State state_ = State::kStart;
  uint64_t count_ = 0;
};

class JsonLines {
 public:
  JsonLines(std::unique_ptr<ByteStream> stream, size_t max_bytes)
      : in_(std::move(stream)), max_bytes_(max_bytes) {}

  // The next line that is not blank, without its end; false after the last. RESOURCE_EXHAUSTED for
  // one that is longer than may be: reading on gives the next. Other errors are the stream's.
  absl::StatusOr<bool> Next(std::string* line);
  // Number of the last line, from 1.
  uint64_t number() const { return number_; }

 private:
  ByteCursor in_;
  const size_t max_bytes_;
  uint64_t number_ = 0;
};

}  // namespace heim
