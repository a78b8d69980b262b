#include "gateway/http/disposition.h"

#include <algorithm>
#include <cctype>

#include "absl/strings/str_format.h"
#include "gateway/http/http_error.h"
#include "gateway/http/http_rule.h"
#include "gateway/http/request_head.h"
#include "server/base/strings.h"
#include "server/base/text.h"

namespace heim {
namespace {

constexpr size_t kPartHeadMaxBytes = 8 * 1024;

// Takes "name=value" off the front; the value may be quoted. False at the end.
bool TakeParameter(std::string_view* rest, std::string* name, std::string* value) {
  while (!rest->empty() &&
         (rest->front() == ';' || rest->front() == ' ' || rest->front() == '\t')) {
    rest->remove_prefix(1);
  }
  if (rest->empty()) return false;
  const size_t stop = rest->find_first_of("=;");
  *name = AsciiLower(TrimSpace(rest->substr(0, stop)));
  value->clear();
  if (stop == std::string_view::npos || (*rest)[stop] == ';') {
    rest->remove_prefix(std::min(stop, rest->size()));
    return true;
  }
  rest->remove_prefix(stop + 1);
  if (rest->empty() || rest->front() != '"') {
    const size_t end = rest->find(';');
    *value = TrimSpace(rest->substr(0, end));
    rest->remove_prefix(std::min(end, rest->size()));
    return true;
  }
  rest->remove_prefix(1);
  while (!rest->empty() && rest->front() != '"') {
    // Browsers send backslashes of paths as they are: only quotes and backslashes are escaped.
    if (rest->front() == '\\' && rest->size() > 1 && ((*rest)[1] == '"' || (*rest)[1] == '\\')) {
      rest->remove_prefix(1);
    }
    value->push_back(rest->front());
    rest->remove_prefix(1);
  }
  if (!rest->empty()) rest->remove_prefix(1);
  return true;
}

// UTF-8'en'na%C3%AFve of RFC 5987; nullopt for other character sets.
std::optional<std::string> DecodeExtended(std::string_view value) {
  const size_t first = value.find('\'');
  if (first == std::string_view::npos) return std::nullopt;
  const size_t second = value.find('\'', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  if (!EqualsIgnoreCase(value.substr(0, first), "UTF-8")) return std::nullopt;
  const auto decoded = PercentDecode(value.substr(second + 1));
  if (!decoded.ok()) return std::nullopt;
  return *decoded;
}

}  // namespace

std::string_view BaseName(std::string_view path) {
  const size_t slash = path.find_last_of("/\\");
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

Disposition ParseDisposition(std::string_view value) {
  Disposition out;
  const size_t semicolon = value.find(';');
  out.type = AsciiLower(TrimSpace(value.substr(0, semicolon)));
  if (semicolon == std::string_view::npos) return out;
  std::string_view rest = value.substr(semicolon);
  bool extended = false;
  std::string name;
  std::string text;
  while (TakeParameter(&rest, &name, &text)) {
    if (name == "name") out.name = text;
    if (name == "filename" && !extended) out.filename = std::string(BaseName(text));
    if (name == "filename*") {
      if (const auto decoded = DecodeExtended(text)) {
        out.filename = std::string(BaseName(*decoded));
        extended = true;
      }
    }
  }
  return out;
}

std::string FormatDisposition(std::string_view type, std::string_view filename) {
  std::string plain;
  std::string exact;
  for (const unsigned char c : filename) {
    const bool printable = c >= 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '%';
    plain.push_back(printable ? static_cast<char>(c) : '_');
    if (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
      exact.push_back(static_cast<char>(c));
    } else {
      exact += absl::StrFormat("%%%02X", c);
    }
  }
  return StrCat(type, "; filename=\"", plain, "\"; filename*=UTF-8''", exact);
}

std::optional<std::string> HeaderParameter(std::string_view value, std::string_view name) {
  const size_t semicolon = value.find(';');
  if (semicolon == std::string_view::npos) return std::nullopt;
  std::string_view rest = value.substr(semicolon);
  std::string found;
  std::string text;
  while (TakeParameter(&rest, &found, &text)) {
    if (found == name) return text;
  }
  return std::nullopt;
}

MultipartReader::MultipartReader(std::string_view boundary)
    : delimiter_(StrCat("\r\n--", boundary)) {}

absl::Status MultipartReader::Feed(std::string_view bytes, std::string* data) {
  if (state_ == State::kDone) return absl::OkStatus();
  buffer_ += bytes;
  while (true) {
    const absl::StatusOr<bool> more = Step(data);
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
  }
}

// Makes one step; false when it needs more bytes or is done.
absl::StatusOr<bool> MultipartReader::Step(std::string* data) {
  bool more = false;
  switch (state_) {
    case State::kSkip:
    case State::kFile:
      TakeUntilDelimiter(data, &more);
      return more;
    case State::kDelimiter: {
      const size_t line = buffer_.find("\r\n");
      if (StartsWith(buffer_, "--")) {
        state_ = State::kDone;
        return false;
      }
      // The same whether it comes at once or byte by byte.
      if (line == std::string::npos ? buffer_.size() > kPartHeadMaxBytes + 1
                                    : line > kPartHeadMaxBytes) {
        return InvalidHttp("The form's boundary is broken");
      }
      if (line == std::string::npos) return false;
      if (!TrimSpace(std::string_view(buffer_).substr(0, line)).empty()) {
        return InvalidHttp("The form's boundary is broken");
      }
      buffer_.erase(0, line);  // The line break stays: a part without head has only one more.
      state_ = State::kHead;
      return true;
    }
    case State::kHead: {
      const size_t end = buffer_.find("\r\n\r\n");
      if (end == std::string::npos ? buffer_.size() > kPartHeadMaxBytes + 3
                                   : end > kPartHeadMaxBytes) {
        return InvalidHttp("A part's head is too long");
      }
      if (end == std::string::npos) return false;
      const absl::Status good = ReadPartHead(std::string_view(buffer_).substr(0, end));
      if (!good.ok()) return good;
      // The last line break stays, because an empty part ends with it; it is no data.
      buffer_.erase(0, end + 2);
      drop_ = 2;
      state_ = part_.has_value() ? State::kFile : State::kSkip;
      return true;
    }
    case State::kDone:
      return false;
  }
  return false;
}

void MultipartReader::TakeUntilDelimiter(std::string* data, bool* more) {
  const size_t found = buffer_.find(delimiter_);
  const bool file = state_ == State::kFile;
  if (found == std::string::npos) {
    // What may be the beginning of a delimiter waits.
    if (buffer_.size() >= delimiter_.size()) {
      const size_t safe = buffer_.size() - delimiter_.size() + 1;
      if (file) Append(safe, data);
      buffer_.erase(0, safe);
    }
    return;
  }
  if (file) Append(found, data);
  buffer_.erase(0, found + delimiter_.size());
  state_ = file ? State::kDone : State::kDelimiter;
  *more = !file;
}

void MultipartReader::Append(size_t count, std::string* data) {
  const size_t dropped = std::min(drop_, count);
  drop_ -= dropped;
  data->append(buffer_, dropped, count - dropped);
}

absl::Status MultipartReader::ReadPartHead(std::string_view head) {
  Part part;
  bool is_file = false;
  while (!head.empty()) {
    const size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end == std::string_view::npos ? head.size() : end + 2);
    const size_t colon = line.find(':');
    if (line.empty()) continue;
    if (colon == std::string_view::npos) return InvalidHttp("A part's head is malformed");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = TrimSpace(line.substr(colon + 1));
    if (EqualsIgnoreCase(name, "Content-Type")) part.content_type = std::string(value);
    if (!EqualsIgnoreCase(name, "Content-Disposition")) continue;
    Disposition disposition = ParseDisposition(value);
    is_file = disposition.filename.has_value();
    part.filename = disposition.filename.value_or("");
  }
  if (is_file) part_ = std::move(part);
  return absl::OkStatus();
}

}  // namespace heim
