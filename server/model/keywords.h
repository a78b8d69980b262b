// Keywords: words that reach a reader as a mention does. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "heim/v1/message.pb.h"

namespace heim {

// As they are kept: trimmed, single spaces, each once whatever its case. INVALID_ARGUMENT names the
// one that is empty, too long or holds control characters.
absl::StatusOr<std::vector<std::string>> NormalizeKeywords(
    const google::protobuf::RepeatedPtrField<std::string>& keywords, std::string_view path);

// KeywordText is the text of a message, prepared once for many keywords: without code and case,
// with every run of white space as one space.
class KeywordText {
 public:
  KeywordText(std::string_view content, v1::ContentType content_type);

  // Whether the keyword stands in it as whole words. Letters of scripts that are written without
  // spaces may touch it.
  bool Has(std::string_view keyword) const;

 private:
  std::string folded_;
};

}  // namespace heim
