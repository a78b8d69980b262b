// Bounds of archives that are written and read. Constants.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace heim {

// HEIM_MAX_IMPORT_SIZE.
inline constexpr int64_t kImportMaxBytesDefault = int64_t{20} << 30;
// Entries of an archive: what is kept of each while it is read is a hash and a place.
inline constexpr size_t kArchiveEntriesMax = 4'000'000;
inline constexpr size_t kArchivePathMaxBytes = 255;
// One record of an archive as JSON: a message at its limits, with every character escaped.
inline constexpr size_t kArchiveRecordMaxBytes = 8u << 20;
// Records are written in pieces of about this size, so that no more has to be held.
inline constexpr size_t kArchivePieceBytes = 1u << 20;
// Of records that refer to each other, such as the members of a group.
inline constexpr size_t kArchiveIdMaxBytes = 256;
// What is written of an import at once: the writer serves others in between.
inline constexpr size_t kImportBatchRecords = 100;
inline constexpr size_t kImportBatchBytes = 512u << 10;
inline constexpr int kImportProblemsShown = 100;
inline constexpr size_t kImportProblemMaxBytes = 500;
// How long an archive waits after its dry run to be imported.
inline constexpr absl::Duration kCheckedArchiveKept = absl::Hours(24 * 7);
// Ids of actors and channels that an import keeps at hand; others are looked up.
inline constexpr size_t kImportIdsAtHand = 50'000;

}  // namespace heim
