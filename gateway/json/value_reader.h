// Reads free JSON (google.protobuf.Struct and its kin), and the entries of any object, from a
// simdjson document. Part of the codec's reading half: one for each text, on the caller's stack.
// Not thread-safe; never blocks.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "gateway/json/parse_error.h"
#include "google/protobuf/struct.pb.h"

namespace heim {

// A key, unescaped, and its value. The key may point into `storage`: neither copied nor moved.
struct ObjectEntry {
  ObjectEntry() = default;
  ObjectEntry(const ObjectEntry&) = delete;
  ObjectEntry& operator=(const ObjectEntry&) = delete;

  std::string_view key;
  std::string storage;
  simdjson::ondemand::value value;
};

class ValueReader {
 public:
  // `base` is where the document's text begins, `shift` how far into the client's text that is.
  ValueReader(simdjson::ondemand::document& document, const char* base, size_t shift)
      : document_(document), base_(base), last_(base), shift_(shift) {}

  // `guess` is the key that is likely to come, for speed alone.
  absl::Status ReadEntry(simdjson::simdjson_result<simdjson::ondemand::field> item,
                         ObjectEntry* entry, std::string_view guess = {});

  // The value's first token; remembers where it stands, for errors.
  std::string_view Token(simdjson::ondemand::value& value);

  // `depth` is that of the object or list around the value; for the other two that of the object
  // or list itself.
  absl::Status ReadValue(simdjson::ondemand::value& value, google::protobuf::Value* out,
                         const JsonPath& path, int depth);
  absl::Status ReadStruct(simdjson::ondemand::object& object, google::protobuf::Struct* out,
                          const JsonPath& path, int depth);
  absl::Status ReadList(simdjson::ondemand::value& value, google::protobuf::ListValue* out,
                        const JsonPath& path, int depth);

  absl::Status CheckDepth(int depth) const;

  // INVALID_JSON where simdjson stopped, or at the last token seen.
  absl::Status Malformed(simdjson::error_code error) const;
  absl::Status MalformedHere(std::string_view what) const;

 private:
  simdjson::ondemand::document& document_;
  const char* base_;
  const char* last_;
  size_t shift_;
};

}  // namespace heim
