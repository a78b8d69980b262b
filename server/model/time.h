// Times on the wire: UTC, whole milliseconds, stored and shown alike. Pure; any thread.
#pragma once

#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"

namespace heim {

// Cut down to whole milliseconds.
inline google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  const int64_t millis = absl::ToUnixMillis(time);
  google::protobuf::Timestamp timestamp;
  const int64_t seconds = millis >= 0 ? millis / 1000 : -((-millis + 999) / 1000);
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(static_cast<int32_t>((millis - seconds * 1000) * 1'000'000));
  return timestamp;
}

inline absl::Time FromTimestamp(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

}  // namespace heim
