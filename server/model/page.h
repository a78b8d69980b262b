// Pages of lists and places in the log. Cursors are opaque to clients. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace heim {

// Items of a page: the default for 0, at most the maximum.
absl::StatusOr<uint32_t> PageLimit(uint32_t asked);

// A page cursor: where the page ended (`key`), bound to the list that it belongs to (`filter`: any
// text that differs between lists, hashed into the cursor).
std::string EncodeCursor(std::string_view filter, std::string_view key);
// The key. INVALID_CURSOR for a cursor that is not one of ours or is of another list.
absl::StatusOr<std::string> DecodeCursor(std::string_view cursor, std::string_view filter);

// A place in a workspace's log: "<epoch>.<position>".
struct LogCursor {
  std::string epoch;
  uint64_t position = 0;

  std::string Format() const;
  // INVALID_CURSOR.
  static absl::StatusOr<LogCursor> Parse(std::string_view text);
};

std::string FormatLogCursor(const LogCursor& cursor);
absl::StatusOr<LogCursor> ParseLogCursor(std::string_view text);

}  // namespace heim
