// Sizes and durations as people write them in settings: "100MB", "1GiB", "60s", "15m". Pure
// functions; any thread; never block. Errors are INVALID_ARGUMENT and say what is expected.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace heim {

// A whole number and a unit: none or B, kB/KB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB
// (powers of 1024); the unit in any case, one space allowed before it.
absl::StatusOr<uint64_t> ParseByteSize(std::string_view text);

// One or more of number and unit (ms, s, m, h, d), as in "90s" or "1h30m"; "0" needs no unit. Not
// negative, finite.
absl::StatusOr<absl::Duration> ParseDuration(std::string_view text);

// A whole decimal number within [min, max], nothing around it.
absl::StatusOr<int64_t> ParseInteger(std::string_view text, int64_t min, int64_t max);

}  // namespace heim
