// When somebody does not want to be disturbed: quiet hours in a time zone, on some days. Any
// thread. The first use of a time zone reads it from the system's database; the rest is pure.
#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "heim/v1/notification.pb.h"

namespace heim {

// INVALID_ARGUMENT names the field below `path`: times are HH:MM, the zone is an IANA name that the
// system knows. Hours that are not enabled may be empty.
absl::Status CheckQuietHours(const v1::QuietHours& hours, std::string_view path);

// Whether they cover the moment. Hours from a time to an earlier one end on the next day, those of
// two equal times after a day; the days are those on which they begin. By the clock on the wall, so
// that they move with summer time. False when the zone is not known any more.
bool IsQuietAt(const v1::QuietHours& hours, absl::Time moment);

}  // namespace heim
