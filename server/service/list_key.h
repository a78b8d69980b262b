// The key of a page cursor of lists that are in the order of a time, with an id for equal times.
// Pure; any thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "google/protobuf/timestamp.pb.h"

namespace heim {

struct ListKey {
  int64_t at_ms = 0;
  std::string id;
};

std::string FormatListKey(const google::protobuf::Timestamp& at, const std::string& id);
// INVALID_CURSOR.
absl::StatusOr<ListKey> ParseListKey(const std::string& text);

}  // namespace heim
