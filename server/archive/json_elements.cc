#include "server/archive/json_elements.h"

#include <algorithm>
#include <utility>

#include "server/base/status_macros.h"
#include "server/base/strings.h"

namespace heim {
namespace {

constexpr size_t kBufferBytes = size_t{64} << 10;

bool IsBlank(int c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Follows JSON text byte by byte: how deep it is nested, and whether this is within a string.
class Nesting {
 public:
  void Pass(char c) {
    if (in_string_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      }
      return;
    }
    if (c == '"') in_string_ = true;
    if (c == '{' || c == '[') ++depth_;
    if (c == '}' || c == ']') --depth_;
  }
  bool Outside() const { return depth_ == 0 && !in_string_; }

 private:
  int64_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

absl::Status TooLong(size_t max_bytes) {
  return absl::ResourceExhaustedError(StrCat("longer than ", max_bytes, " bytes"));
}

}  // namespace

ByteCursor::ByteCursor(std::unique_ptr<ByteStream> stream)
    : stream_(std::move(stream)), buffer_(kBufferBytes, '\0') {}

absl::StatusOr<int> ByteCursor::Next() {
  if (at_ == end_) {
    at_ = end_ = 0;
    HEIM_ASSIGN_OR_RETURN(end_, stream_->Read(buffer_.data(), buffer_.size()));
    if (end_ == 0) return -1;
  }
  return static_cast<unsigned char>(buffer_[at_++]);
}

std::string_view ByteCursor::Ahead() const {
  return std::string_view(buffer_).substr(at_, end_ - at_);
}

absl::StatusOr<int> JsonElements::NextVisible() {
  while (true) {
    HEIM_ASSIGN_OR_RETURN(const int c, in_.Next());
    if (!IsBlank(c)) return c;
  }
}

absl::StatusOr<bool> JsonElements::Next(std::string* element) {
  element->clear();
  if (state_ == State::kEnd) return false;
  if (state_ == State::kBroken) return absl::InvalidArgumentError("there is nothing more to read");
  const State before = std::exchange(state_, State::kBroken);
  HEIM_ASSIGN_OR_RETURN(int c, NextVisible());
  if (before == State::kStart) {
    constexpr int kByteOrderMark = 0xEF;
    if (c == kByteOrderMark) {
      HEIM_RETURN_IF_ERROR(in_.Next());
      HEIM_RETURN_IF_ERROR(in_.Next());
      HEIM_ASSIGN_OR_RETURN(c, NextVisible());
    }
    if (c != '[') return absl::InvalidArgumentError("this is no JSON array");
    HEIM_ASSIGN_OR_RETURN(c, NextVisible());
    if (c == ']') {
      state_ = State::kEnd;
      return false;
    }
  }
  if (c == -1) return absl::InvalidArgumentError("the JSON array is cut off");
  return Element(c, element);
}

absl::StatusOr<bool> JsonElements::Element(int first, std::string* element) {
  Nesting nesting;
  bool too_long = false;
  int c = first;
  ++count_;
  while (!nesting.Outside() || (c != ',' && c != ']')) {
    if (c == -1) return absl::InvalidArgumentError("the JSON array is cut off");
    nesting.Pass(static_cast<char>(c));
    if (element->size() < max_bytes_) {
      element->push_back(static_cast<char>(c));
    } else {
      too_long = true;
    }
    HEIM_ASSIGN_OR_RETURN(c, in_.Next());
  }
  while (!element->empty() && IsBlank(element->back())) element->pop_back();
  state_ = c == ']' ? State::kEnd : State::kElements;
  if (too_long) {
    element->clear();
    return TooLong(max_bytes_);
  }
  return true;
}

absl::StatusOr<bool> JsonLines::Next(std::string* line) {
  while (true) {
    line->clear();
    bool too_long = false;
    bool any = false;
    while (true) {
      HEIM_ASSIGN_OR_RETURN(const int c, in_.Next());
      if (c == -1 || c == '\n') {
        any = any || c == '\n';
        break;
      }
      any = true;
      line->push_back(static_cast<char>(c));
      const std::string_view ahead = in_.Ahead();
      const size_t run = std::min(ahead.find('\n'), ahead.size());
      if (line->size() + run > max_bytes_) {
        too_long = true;
        line->clear();
      } else {
        line->append(ahead.substr(0, run));
      }
      in_.Skip(run);
    }
    if (!any) return false;
    ++number_;
    if (too_long) {
      line->clear();
      return TooLong(max_bytes_);
    }
    if (!line->empty() && line->back() == '\r') line->pop_back();
    if (number_ == 1 && StartsWith(*line, "\xEF\xBB\xBF")) line->erase(0, 3);
    if (!std::all_of(line->begin(), line->end(), [](char c) { return IsBlank(c); })) return true;
  }
}

}  // namespace heim
