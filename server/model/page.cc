#include "server/model/page.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "server/base/crypto.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/limits.h"

namespace heim {
namespace {

constexpr char kVersion = 1;
constexpr size_t kFilterHashBytes = 8;
constexpr size_t kEpochMaxBytes = 64;
constexpr size_t kPositionMaxDigits = 20;

std::string HashOf(std::string_view filter) { return Sha256(filter).substr(0, kFilterHashBytes); }

absl::Status NotOurs() {
  return MakeError(v1::ERROR_REASON_INVALID_CURSOR,
                   "The page cursor is not one of this list; start again without it");
}

absl::Status NoLogCursor() {
  return MakeError(v1::ERROR_REASON_INVALID_CURSOR, "The cursor is not one of ours");
}

bool IsEpoch(std::string_view text) {
  return !text.empty() && text.size() <= kEpochMaxBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '-' || c == '_';
         });
}

// One text for each number: digits only, no leading zero.
bool IsNumber(std::string_view text) {
  return !text.empty() && text.size() <= kPositionMaxDigits &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
         (text.size() == 1 || text[0] != '0');
}

}  // namespace

absl::StatusOr<uint32_t> PageLimit(uint32_t asked) {
  return asked == 0 ? kPageDefault : std::min(asked, kPageMax);
}

std::string EncodeCursor(std::string_view filter, std::string_view key) {
  std::string bytes(1, kVersion);
  StrAppend(&bytes, HashOf(filter), key);
  return Base64UrlEncode(bytes);
}

absl::StatusOr<std::string> DecodeCursor(std::string_view cursor, std::string_view filter) {
  if (cursor.size() > kPageCursorMaxBytes) return NotOurs();
  const std::optional<std::string> bytes = Base64UrlDecode(cursor);
  if (!bytes.has_value() || bytes->size() < 1 + kFilterHashBytes || bytes->front() != kVersion ||
      bytes->compare(1, kFilterHashBytes, HashOf(filter)) != 0) {
    return NotOurs();
  }
  return bytes->substr(1 + kFilterHashBytes);
}

std::string LogCursor::Format() const { return absl::StrCat(epoch, ".", position); }

absl::StatusOr<LogCursor> LogCursor::Parse(std::string_view text) {
  const size_t dot = text.find('.');
  if (dot == std::string_view::npos) return NoLogCursor();
  LogCursor cursor;
  cursor.epoch = std::string(text.substr(0, dot));
  const std::string_view position = text.substr(dot + 1);
  if (!IsEpoch(cursor.epoch) || !IsNumber(position) ||
      !absl::SimpleAtoi(ToAbsl(position), &cursor.position)) {
    return NoLogCursor();
  }
  return cursor;
}

std::string FormatLogCursor(const LogCursor& cursor) { return cursor.Format(); }

absl::StatusOr<LogCursor> ParseLogCursor(std::string_view text) { return LogCursor::Parse(text); }

}  // namespace heim
