// The messages of one channel and day of Slack's archive, in the order of their times. Pure but for
// the archive, on which it blocks; one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/transfer/chats/archive_files.h"
#include "server/transfer/chats/problem_book.h"

namespace heim {

// One user, channel or message.
inline constexpr size_t kSlackRecordMaxBytes = size_t{4} << 20;

struct SlackDayMessage {
  int64_t micros = 0;
  uint64_t number = 0;  // in the file, from 1
  std::string text;     // JSON, checked
};

// "2024-02-01.json"
bool IsSlackDayFile(std::string_view name);

// Messages that cannot be read are problems and left out, and so is the rest of a file that is cut.
// INVALID_ARCHIVE for a damaged entry, or more than fits into memory.
absl::StatusOr<std::vector<SlackDayMessage>> ReadSlackDay(ArchiveFiles& files,
                                                          const std::string& path,
                                                          ProblemBook* problems);

}  // namespace heim
