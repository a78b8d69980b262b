// Picture files: whatever comes is refused, or is a picture of the size that it tells of and that
// can be made smaller and written anew.
#include "server/image/decode.h"
#include "server/image/encode.h"
#include "server/image/scale.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  heim::DecodeLimits limits;
  limits.max_pixels = 200'000;
  limits.enough = 32;
  const auto pixels = heim::DecodeImage(heim::FuzzText(data, size), limits);
  if (!pixels.ok()) {
    FUZZ_CHECK(pixels.status().code() == absl::StatusCode::kInvalidArgument);
    return 0;
  }
  FUZZ_CHECK(pixels->width > 0 && pixels->height > 0);
  FUZZ_CHECK(pixels->rgba.size() == size_t{pixels->width} * pixels->height * 4);
  const heim::Pixels small = heim::Reduced(*pixels, heim::MiddleSquare(*pixels), 16);
  FUZZ_CHECK(small.width <= 16 && small.width == small.height);
  FUZZ_CHECK(heim::EncodeWebp(small, heim::WebpQuality::kPhoto).ok());
  return 0;
}
