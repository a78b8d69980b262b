// What files meet at the door: forms under any boundary, in pieces of any length; ranges, tags and
// names.
#include <algorithm>
#include <optional>
#include <string>

#include "gateway/http/disposition.h"
#include "gateway/http/raw_body.h"
#include "server/base/text.h"
#include "tests/fuzz/fuzz.h"

namespace heim {
namespace {

// The file of the form, fed in pieces; nullopt for what is no form, or has no whole file.
std::optional<std::string> FileOf(std::string_view boundary, std::string_view body, size_t step) {
  MultipartReader reader(boundary);
  std::string file;
  for (size_t at = 0; at < body.size(); at += step) {
    if (!reader.Feed(body.substr(at, step), &file).ok()) return std::nullopt;
    FUZZ_CHECK(file.size() <= body.size());
    FUZZ_CHECK(file.empty() || reader.part().has_value());
  }
  if (!reader.finished()) return std::nullopt;
  FUZZ_CHECK(reader.part()->filename.find('/') == std::string::npos);
  FUZZ_CHECK(reader.part()->filename.find('\\') == std::string::npos);
  return file;
}

void Form(std::string_view text, size_t step) {
  const size_t line = std::min(text.find('\n'), text.size());
  const std::string_view boundary = text.substr(0, std::clamp<size_t>(line, 0, 70));
  if (boundary.empty()) return;
  const std::string_view body = text.substr(std::min(line + 1, text.size()));
  const auto whole = FileOf(boundary, body, std::max<size_t>(1, body.size()));
  FUZZ_CHECK(FileOf(boundary, body, step) == whole);
  // Whatever the file holds, but for the delimiter itself, comes out as it went in.
  if (body.find(std::string("\r\n--") + std::string(boundary)) != std::string_view::npos) return;
  const std::string delimiter = "--" + std::string(boundary);
  std::string form = delimiter + "\r\nContent-Disposition: form-data; name=f; filename=f\r\n\r\n";
  form += body;
  form += "\r\n" + delimiter + "--\r\n";
  // A body may end with the beginning of its own delimiter.
  if (form.find("\r\n" + delimiter, delimiter.size()) != form.size() - delimiter.size() - 6) return;
  const auto back = FileOf(boundary, form, step);
  FUZZ_CHECK(back.has_value() && *back == body);
}

void Ranges(std::string_view text) {
  const std::optional<ByteRange> range = ParseRange(text);
  if (!range.has_value()) return;
  FUZZ_CHECK(range->length >= 0);
  // From the end there is no length; otherwise the last byte can be counted.
  if (range->offset < 0) FUZZ_CHECK(range->length == 0 && range->offset > INT64_MIN);
  if (range->offset >= 0) FUZZ_CHECK(range->length <= INT64_MAX - range->offset);
  FUZZ_CHECK(text.find(',') == std::string_view::npos);
}

void Names(std::string_view text) {
  const std::string written = FormatDisposition("attachment", text);
  for (const char c : written) FUZZ_CHECK(c >= 0x20 && c < 0x7f);
  // A name comes back as it went out, but for a path before it.
  const Disposition read = ParseDisposition(written);
  FUZZ_CHECK(read.type == "attachment" && read.filename.has_value());
  if (IsValidUtf8(text)) FUZZ_CHECK(*read.filename == BaseName(text));
  FUZZ_CHECK(MatchesTag("*", text));
  (void)MatchesTag(text, "\"tag\"");
}

}  // namespace
}  // namespace heim

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text = heim::FuzzText(data + 1, size - 1);
  if (data[0] % 3 == 0) heim::Form(text, std::max<size_t>(1, data[0] / 3));
  if (data[0] % 3 == 1) heim::Ranges(text);
  if (data[0] % 3 == 2) heim::Names(text);
  return 0;
}
