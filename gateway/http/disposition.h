// Content-Disposition and multipart/form-data: how the web names and wraps files. The reader holds
// one request's state and belongs to its coroutine; the functions are pure. Never blocks.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace heim {

// A header value with parameters: `form-data; name="x"; filename*=UTF-8''y`.
struct Disposition {
  std::string type;                     // lower-case
  std::optional<std::string> name;      // of a form's field
  std::optional<std::string> filename;  // decoded, filename* first, without a path
};
Disposition ParseDisposition(std::string_view value);

// `attachment; filename="plain"; filename*=UTF-8''exact`.
std::string FormatDisposition(std::string_view type, std::string_view filename);

// A parameter of a header value such as `multipart/form-data; boundary=x`; nullopt without it.
std::optional<std::string> HeaderParameter(std::string_view value, std::string_view name);

// What follows the last slash or backslash.
std::string_view BaseName(std::string_view path);

// Takes the first file out of a form, as it comes in.
class MultipartReader {
 public:
  struct Part {
    std::string filename;
    std::string content_type;
  };

  // `boundary` of 1 to 70 characters.
  explicit MultipartReader(std::string_view boundary);

  // Appends to `data` what of the file is in these bytes. INVALID_HTTP for what is no form.
  absl::Status Feed(std::string_view bytes, std::string* data);

  // Set once the file's head was read.
  const std::optional<Part>& part() const { return part_; }
  // Whether the file has ended; what follows is ignored.
  bool finished() const { return state_ == State::kDone && part_.has_value(); }
  // Whether the form has ended.
  bool done() const { return state_ == State::kDone; }

 private:
  enum class State { kSkip, kDelimiter, kHead, kFile, kDone };

  absl::StatusOr<bool> Step(std::string* data);
  void TakeUntilDelimiter(std::string* data, bool* more);
  void Append(size_t count, std::string* data);
  absl::Status ReadPartHead(std::string_view head);

  const std::string delimiter_;  // with the line break before it
  State state_ = State::kSkip;
  std::string buffer_ = "\r\n";  // the first delimiter may stand at the very beginning
  std::optional<Part> part_;
  size_t drop_ = 0;  // bytes of the buffer's front that are no data
};

}  // namespace heim
