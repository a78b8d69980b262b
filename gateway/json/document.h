// A JSON text opened by simdjson: structure found and UTF-8 checked, nothing else. Part of the
// codec's reading half. Each thread keeps one parser and one padded copy for texts of the usual
// size; a long text gets its own. Any thread, but not one document inside another; never blocks.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "gateway/json/codec.h"
#include "google/protobuf/message.h"

namespace heim {

// Calls `read` with the document and with where its text begins in memory; INVALID_JSON without the
// call when the text is no document. `shift` is added to the byte offsets of errors.
absl::Status WithDocument(
    std::string_view text, size_t shift,
    absl::FunctionRef<absl::Status(simdjson::ondemand::document&, const char*)> read);

// ParseJson of a part of a client's text that begins `shift` bytes into it.
absl::Status ParseJsonAt(std::string_view text, size_t shift, const JsonOptions& options,
                         google::protobuf::Message* out,
                         std::vector<std::string>* keys_present = nullptr);

// A member of an object: the key, unescaped, and where its value stands.
struct RawMember {
  std::string key;
  std::string_view value;  // JSON; what lies within braces and brackets is not checked yet
  size_t offset = 0;
};

// The members of the one object that `text` is, duplicates refused. After an error `out` holds
// those before it.
absl::Status SplitObject(std::string_view text, std::vector<RawMember>* out);

}  // namespace heim
