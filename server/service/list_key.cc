#include "server/service/list_key.h"

#include "absl/strings/numbers.h"
#include "server/base/strings.h"
#include "server/model/errors.h"
#include "server/model/time.h"

namespace heim {

std::string FormatListKey(const google::protobuf::Timestamp& at, const std::string& id) {
  return StrCat(absl::ToUnixMillis(FromTimestamp(at)), "|", id);
}

absl::StatusOr<ListKey> ParseListKey(const std::string& text) {
  ListKey key;
  const size_t bar = text.find('|');
  if (bar == std::string::npos || !absl::SimpleAtoi(text.substr(0, bar), &key.at_ms)) {
    return MakeError(v1::ERROR_REASON_INVALID_CURSOR, "The page cursor is not one of ours");
  }
  key.id = text.substr(bar + 1);
  return key;
}

}  // namespace heim
