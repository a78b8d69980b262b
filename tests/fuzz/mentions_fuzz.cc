// Mentions in texts: in order, apart from each other, within the text.
#include <string>

#include "server/model/limits.h"
#include "server/model/mentions.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = heim::FuzzText(data, size);
  for (const auto type : {heim::v1::CONTENT_TYPE_TEXT, heim::v1::CONTENT_TYPE_MARKDOWN,
                          heim::v1::CONTENT_TYPE_RICH, heim::v1::CONTENT_TYPE_SYSTEM}) {
    const auto found = heim::FindMentions(text, type);
    FUZZ_CHECK(found.size() <= heim::kMentionsMax);
    FUZZ_CHECK(type != heim::v1::CONTENT_TYPE_SYSTEM || found.empty());
    uint64_t end = 0;
    for (const heim::MentionToken& token : found) {
      FUZZ_CHECK(token.length >= 2);
      FUZZ_CHECK(token.start >= end);
      end = uint64_t{token.start} + token.length;
      FUZZ_CHECK(end <= text.size());
    }
  }
  return 0;
}
