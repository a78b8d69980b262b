#include "server/transfer/chats/slack_day.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "server/archive/json_elements.h"
#include "server/archive/json_value.h"
#include "server/base/status_macros.h"
#include "server/base/strings.h"
#include "server/transfer/chats/slack_directory.h"

namespace heim {
namespace {

constexpr size_t kDayMaxBytes = size_t{64} << 20;

// The message that a text is; nullopt when it is left out.
std::optional<SlackDayMessage> MessageOf(const absl::StatusOr<bool>& read, std::string text,
                                         const std::string& place, ProblemBook* problems) {
  const absl::StatusOr<google::protobuf::Value> value =
      read.ok() ? ParseJsonValue(text) : read.status();
  if (!value.ok()) {
    problems->Note("A message cannot be read and is left out", place,
                   ToStd(value.status().message()));
    return std::nullopt;
  }
  const std::optional<int64_t> micros = SlackTime(TextOf(ObjectOf(*value), "ts"));
  if (!micros.has_value()) {
    problems->Note("A message without a time is left out", place);
    return std::nullopt;
  }
  return SlackDayMessage{*micros, 0, std::move(text)};
}

}  // namespace

bool IsSlackDayFile(std::string_view name) {
  constexpr std::string_view kPattern = "dddd-dd-dd.json";
  return name.size() == kPattern.size() &&
         std::equal(name.begin(), name.end(), kPattern.begin(), [](char c, char pattern) {
           return pattern == 'd' ? c >= '0' && c <= '9' : c == pattern;
         });
}

absl::StatusOr<std::vector<SlackDayMessage>> ReadSlackDay(ArchiveFiles& files,
                                                          const std::string& path,
                                                          ProblemBook* problems) {
  HEIM_ASSIGN_OR_RETURN(std::unique_ptr<ByteStream> stream, files.Read(path));
  JsonElements elements(std::move(stream), kSlackRecordMaxBytes);
  std::vector<SlackDayMessage> messages;
  size_t bytes = 0;
  while (true) {
    std::string text;
    const absl::StatusOr<bool> more = elements.Next(&text);
    if (more.ok() && !*more) break;
    const std::string place = StrCat(path, ":", elements.count());
    const absl::StatusCode code = more.status().code();
    if (!more.ok() && code != absl::StatusCode::kResourceExhausted) {
      if (code != absl::StatusCode::kInvalidArgument) return AsInvalidArchive(more.status(), path);
      problems->Note("The rest of a file cannot be read and is left out", place,
                     ToStd(more.status().message()));
      break;
    }
    bytes += text.size();
    if (bytes > kDayMaxBytes) return InvalidArchive(path, "too much for one day");
    if (auto message = MessageOf(more, std::move(text), place, problems)) {
      message->number = elements.count();
      messages.push_back(*std::move(message));
    }
  }
  std::stable_sort(
      messages.begin(), messages.end(),
      [](const SlackDayMessage& a, const SlackDayMessage& b) { return a.micros < b.micros; });
  return messages;
}

}  // namespace heim
