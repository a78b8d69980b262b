// Cursors of pages and of the log: strictly what was given out.
#include "server/model/page.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = heim::FuzzText(data, size);
  const auto key = heim::DecodeCursor(text, "filter");
  if (key.ok()) FUZZ_CHECK(heim::EncodeCursor("filter", *key) == text);
  const std::string cursor = heim::EncodeCursor("filter", text);
  const auto back = heim::DecodeCursor(cursor, "filter");
  FUZZ_CHECK(!back.ok() || *back == text);
  FUZZ_CHECK(!heim::DecodeCursor(cursor, "another").ok());
  const auto place = heim::LogCursor::Parse(text);
  if (place.ok()) FUZZ_CHECK(place->Format() == text);
  return 0;
}
