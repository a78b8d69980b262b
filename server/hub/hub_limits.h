// The inner bounds of the hub; those that clients can run into are in model/limits.h. Constants
// only.
#pragma once

#include <cstddef>

#include "absl/time/time.h"
#include "server/model/limits.h"

namespace heim {

// A reader's outbox. Over it the reader goes on by position, from the ring or the log.
inline constexpr size_t kOutboxMaxFrames = 1024;
inline constexpr size_t kOutboxMaxBytes = 1u << 20;

// A page of a catch-up reader; small enough to fit into half an outbox.
inline constexpr size_t kCatchUpPageEvents = 256;
inline constexpr size_t kCatchUpPageBytes = 256u << 10;
// Pages that one task reads before it queues again behind others.
inline constexpr int kCatchUpPagesPerTask = 16;
// A reader this close goes live; what is between comes from the ring.
inline constexpr size_t kJoinMaxEvents = 512;

// Work that waits for the fan-out thread. Events beyond it are read from the log, ephemeral ones
// are dropped.
inline constexpr size_t kInboxMaxEvents = 64 * 1024;
inline constexpr size_t kInboxMaxEphemeral = 16 * 1024;
// Events of one workspace that wait for a gap before them to be filled.
inline constexpr size_t kPendingMaxEvents = 16 * 1024;
// One page of the log that fills a gap.
inline constexpr size_t kGapPageEvents = 1024;
inline constexpr size_t kGapPageBytes = 4u << 20;

inline constexpr absl::Duration kTickInterval = absl::Seconds(1);
inline constexpr absl::Duration kRetryDelay = absl::Milliseconds(50);
inline constexpr absl::Duration kTypingInterval = absl::Seconds(1);
inline constexpr absl::Duration kLaggingAfter = absl::Seconds(10);
inline constexpr size_t kLaggingEvents = 5000;
inline constexpr int kReconnectSpreadMs = 5000;
// Streams that ended lately, whose late chunks are dropped.
inline constexpr size_t kEndedStreamsKept = 4096;

// Streams.
inline constexpr size_t kChunkMaxBytes = 32u << 10;  // a merged chunk goes out at once beyond this
inline constexpr absl::Duration kChunkMergeFor = absl::Milliseconds(25);
inline constexpr size_t kStreamPersistBytes = 4u << 10;
inline constexpr absl::Duration kStreamPersistEvery = absl::Seconds(1);

}  // namespace heim
