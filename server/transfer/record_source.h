// RecordSource reads an archive of any format as the records of an import, one after the other.
// Whoever reads an archive owns its source; one thread at a time. Calls block on the archive, which
// may be far away, and take memory for one record and one piece of the archive only, whatever its
// size.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "heim/v1/export.pb.h"

namespace heim {

// ByteSource is bytes that can be read anywhere: an uploaded archive, or a file inside of one. One
// thread at a time.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual uint64_t size() const = 0;
  // At most `n` bytes from `offset`; fewer only at the end, none behind it.
  virtual absl::StatusOr<std::string> Read(uint64_t offset, size_t n) = 0;
};

// FileStream hands out the bytes of one file of an archive in order: what is packed has no other
// way.
class FileStream {
 public:
  virtual ~FileStream() = default;
  // The next at most `n` bytes; empty at the end. INVALID_ARCHIVE when what is packed is broken or
  // longer than it says.
  virtual absl::StatusOr<std::string> Next(size_t n) = 0;
};

// Something of an archive that could not be taken over, and what became of it.
struct SourceProblem {
  std::string place;  // "channels.json", "general/2024-02-01.json:17"
  std::string text;   // for people; no text of messages
};

class RecordSource {
 public:
  virtual ~RecordSource() = default;

  // The next record, nullopt after the last. The first one is the header, with product and
  // source_id; none is the end. A source opened anew on the same archive with the same options
  // answers the same records in the same order: an import that was interrupted counts on it.
  // Ids are those of the archive, of 1 to 256 bytes each, unique among records of their kind.
  // INVALID_ARCHIVE says where and why; then nothing more is asked.
  virtual absl::StatusOr<std::optional<v1::ExportRecord>> Next() = 0;

  // Where the last record stands in the archive, for people.
  virtual std::string Place() const = 0;

  // The bytes under a path that a record named, also later, also twice. INVALID_ARCHIVE when there
  // are none.
  virtual absl::StatusOr<std::unique_ptr<FileStream>> OpenFile(std::string_view path) = 0;

  // What was left out or changed since the last call, at most kProblemsHeld of them.
  virtual std::vector<SourceProblem> TakeProblems() { return {}; }

  static constexpr size_t kProblemsHeld = 100;
};

// RecordCodec is JSON as Heim writes it. Wiring gives the gateway's, so that transfer does not know
// JSON. Thread-safe. Never blocks.
class RecordCodec {
 public:
  virtual ~RecordCodec() = default;
  // Appends the message as one JSON object, without line breaks.
  virtual void Append(const google::protobuf::Message& message, std::string* out) const = 0;
  // One JSON object into a message (a google.protobuf.Struct takes any). Strict: UNKNOWN_FIELD,
  // INVALID_JSON, INVALID_ARGUMENT.
  virtual absl::Status Parse(std::string_view text, google::protobuf::Message* out) const = 0;
};

}  // namespace heim
