// What stands at the HTTP door: heads, multipart forms, header values, addresses.
#include <algorithm>
#include <string>

#include "gateway/http/client_address.h"
#include "gateway/http/disposition.h"
#include "gateway/http/request_head.h"
#include "tests/fuzz/fuzz.h"

namespace heim {
namespace {

void Head(std::string_view text) {
  const HeadScan scan = ScanHead(text);
  FUZZ_CHECK(scan.state != HeadScan::State::kComplete || scan.size <= text.size());
  // However the bytes come, the scan says the same.
  HeadScan pieces;
  size_t from = 0;
  for (size_t end = 1; end <= text.size() && pieces.state == HeadScan::State::kMore; ++end) {
    pieces = ScanHead(text.substr(0, end), from);
    from = end;
  }
  if (scan.state == HeadScan::State::kComplete) {
    FUZZ_CHECK(pieces.state == HeadScan::State::kComplete && pieces.size == scan.size);
  }
}

void Form(std::string_view text, size_t step) {
  MultipartReader whole("b");
  std::string at_once;
  const bool good = whole.Feed(text, &at_once).ok();
  MultipartReader cut("b");
  std::string in_pieces;
  bool still_good = true;
  for (size_t at = 0; at < text.size() && still_good; at += step) {
    still_good = cut.Feed(text.substr(at, step), &in_pieces).ok();
  }
  FUZZ_CHECK(at_once.size() <= text.size());
  if (good && still_good) FUZZ_CHECK(whole.finished() == cut.finished());
  if (good && still_good && whole.finished()) FUZZ_CHECK(at_once == in_pieces);
}

void Values(std::string_view text) {
  const Disposition disposition = ParseDisposition(text);
  if (disposition.filename.has_value()) {
    FUZZ_CHECK(disposition.filename->find('/') == std::string::npos);
  }
  const std::string written = FormatDisposition("attachment", text);
  FUZZ_CHECK(written.find_first_of("\r\n") == std::string::npos);
  const std::string address = CanonicalAddress(text);
  FUZZ_CHECK(address.empty() || CanonicalAddress(address) == address);
}

}  // namespace
}  // namespace heim

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text = heim::FuzzText(data + 1, size - 1);
  if (data[0] % 3 == 0) heim::Head(text);
  if (data[0] % 3 == 1) heim::Form(text, std::max<size_t>(1, data[0] / 3));
  if (data[0] % 3 == 2) heim::Values(text);
  return 0;
}
