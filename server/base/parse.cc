#include "server/base/parse.h"

#include <charconv>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/base/text.h"

namespace heim {
namespace {

struct SizeUnit {
  std::string_view name;
  uint64_t factor;
};
constexpr SizeUnit kSizeUnits[] = {
    {"", 1},
    {"b", 1},
    {"kb", 1000},
    {"mb", 1000 * 1000},
    {"gb", 1000ull * 1000 * 1000},
    {"tb", 1000ull * 1000 * 1000 * 1000},
    {"kib", 1ull << 10},
    {"mib", 1ull << 20},
    {"gib", 1ull << 30},
    {"tib", 1ull << 40},
};

struct DurationUnit {
  std::string_view name;
  int64_t ms;
};
constexpr DurationUnit kDurationUnits[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}, {"d", 24 * 60 * 60 * 1000},
};

// A hundred years: beyond it arithmetic on times is at risk, and nobody means it.
constexpr int64_t kMaxDurationMs = int64_t{100} * 366 * 24 * 60 * 60 * 1000;

// Takes the digits at the front; false when there are none or they do not fit.
bool TakeNumber(std::string_view& text, uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}

absl::Status BadSize() {
  return absl::InvalidArgumentError("expected a size such as 512, 100MB or 1GiB");
}

absl::Status BadDuration() {
  return absl::InvalidArgumentError("expected a duration such as 500ms, 60s, 15m, 1h30m or 7d");
}

}  // namespace

absl::StatusOr<uint64_t> ParseByteSize(std::string_view text) {
  uint64_t number = 0;
  if (!TakeNumber(text, number)) return BadSize();
  if (text.size() > 1 && text.front() == ' ') text.remove_prefix(1);
  const std::string unit = AsciiLower(text);
  for (const SizeUnit& known : kSizeUnits) {
    if (unit != known.name) continue;
    if (number > std::numeric_limits<uint64_t>::max() / known.factor) {
      return absl::InvalidArgumentError("the size is too large");
    }
    return number * known.factor;
  }
  return BadSize();
}

absl::StatusOr<absl::Duration> ParseDuration(std::string_view text) {
  if (text == "0") return absl::ZeroDuration();
  if (text.empty()) return BadDuration();
  int64_t total_ms = 0;
  while (!text.empty()) {
    uint64_t number = 0;
    if (!TakeNumber(text, number)) return BadDuration();
    const std::string_view unit = text.substr(0, text.find_first_of("0123456789"));
    const DurationUnit* found = nullptr;
    for (const DurationUnit& known : kDurationUnits) {
      if (unit == known.name) found = &known;
    }
    if (found == nullptr) return BadDuration();
    if (number > static_cast<uint64_t>((kMaxDurationMs - total_ms) / found->ms)) {
      return absl::InvalidArgumentError("the duration is longer than 100 years");
    }
    total_ms += static_cast<int64_t>(number) * found->ms;
    text.remove_prefix(unit.size());
  }
  return absl::Milliseconds(total_ms);
}

absl::StatusOr<int64_t> ParseInteger(std::string_view text, int64_t min, int64_t max) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < min || number > max) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a whole number from ", min, " to ", max));
  }
  return number;
}

}  // namespace heim
